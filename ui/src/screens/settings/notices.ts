/** What colleagues can be told of, in the order of the form. */
export const events = ['new', 'waiting', 'mention', 'missed_call', 'failed'] as const
