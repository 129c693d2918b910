// What a page may do is decided when it is loaded: hosts to talk to, the microphone. One
// that was opened before a line was set up has to be loaded again.

interface Policies {
  featurePolicy?: { allowsFeature(name: string): boolean; features(): string[] }
}

/** Notices from now on whether the page's own policy stands in the way; ask it once. */
export function listenForRefusals(at: Document = document): () => boolean {
  let refused = false
  const hear = (e: SecurityPolicyViolationEvent) => {
    if (/^(connect|media)-src/.test(e.effectiveDirective)) refused = true
  }
  at.addEventListener('securitypolicyviolation', hear)
  return () => {
    at.removeEventListener('securitypolicyviolation', hear)
    const p = (at as Document & Policies).featurePolicy
    return refused || (!!p?.features().includes('microphone') && !p.allowsFeature('microphone'))
  }
}
