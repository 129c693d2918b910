export interface SnoozeTime {
  name: 'later' | 'tomorrow' | 'monday' | 'week'
  at: Date
}

/** The usual times to come back at: in three hours if that is still today's work, and mornings at 9. */
export function snoozeTimes(now: Date): SnoozeTime[] {
  const morning = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 9)
  const out: SnoozeTime[] = []
  if (now.getHours() < 17) {
    const later = new Date(now.getTime() + 3 * 3600_000)
    later.setMinutes(0, 0, 0)
    out.push({ name: 'later', at: later })
  }
  out.push({ name: 'tomorrow', at: morning(1) })
  const monday = (8 - now.getDay()) % 7 || 7
  if (monday !== 1) out.push({ name: 'monday', at: morning(monday) })
  if (monday !== 7) out.push({ name: 'week', at: morning(7) })
  return out
}
