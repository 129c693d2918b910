/** A text that depends on a number; the forms a language needs are those of Intl.PluralRules. */
export type Plural = { zero?: string; one?: string; two?: string; few?: string; many?: string; other: string }

/** The shape of a catalogue: every key of the English one, plain where it is plain, plural where it is plural. */
export type Texts<E> = { [K in keyof E]: E[K] extends string ? string : Plural }
