// Texts of the inbox: list, timeline, composer, customer pane.
export const inbox = {
  'view.mine': 'Mine',
  'view.unassigned': 'Unassigned',
  'view.all': 'All',
  'view.snoozed': 'Snoozed',
  'view.resolved': 'Resolved',
  'view.failed': 'Not delivered',
} as const
