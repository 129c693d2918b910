import { ways } from './en.ways'
import { calls } from './en.calls'
import { documents } from './en.documents'
import { inbox } from './en.inbox'
import { preference } from './en.preference'

// Texts of the frame, of what all screens share and of the inbox: what the first load
// needs; en.later.ts has the rest. Together they are the type of the other languages:
// {name} are parameters, objects are plural forms chosen by {n}.
const shared = {
  'app.name': 'Throughline',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  edit: 'Edit',
  remove: 'Remove',
  retry: 'Try again',
  undo: 'Undo',
  confirm: 'Confirm',
  more: 'More',
  loading: 'Loading…',
  'picker.none': 'Nothing found',
  'picker.create': 'Create “{name}”',

  'error.unreachable': 'The hub cannot be reached. Check your connection; we keep trying.',
  'error.tooMany': 'Too many tries. Wait a moment and try again.',
  'error.tooLarge': 'This is too large. Send less at once, or a link to it.',
  'error.busy': 'The hub is busy. Try again in a moment.',
  'error.forbidden': 'Your role may not do this. Ask an administrator.',
  'error.notFound': 'This no longer exists.',
  'error.unknown': 'Something went wrong. Try again; if it stays, tell your administrator.',
  'error.screen': 'This screen could not be shown',
  'screen.notFound': 'There is no such page',
  'screen.toInbox': 'Go to the inbox',

  'agent.unknown': 'Former colleague',
  'agent.you': 'You',

  'rail.label': 'Main',
  'rail.inbox': 'Inbox',
  'rail.customers': 'Customers',
  'rail.channels': 'Channels',
  'rail.settings': 'Settings',
  'rail.expand': 'Show names',
  'rail.collapse': 'Hide names',
  'rail.trouble': { one: '{n} mailbox is not working', other: '{n} mailboxes are not working' },
  'rail.me': 'You and your settings',
  'rail.commands': 'Commands',
  'rail.keys': 'Keyboard shortcuts',
  'rail.signOut': 'Sign out',
  'rail.skip': 'Skip to content',
  'availability.online': 'Online',
  'availability.busy': 'Busy',
  'availability.away': 'Away',
  'theme.system': 'Theme: as the system',
  'theme.light': 'Theme: light',
  'theme.dark': 'Theme: dark',

  'pill.connecting': 'Connecting…',
  'pill.catchingUp': 'Catching up…',
  'pill.live': 'Live',
  'pill.waiting': 'Offline – as of {time}. Reconnecting…',
  'pill.tryNow': 'Try now',

  'palette.title': 'Commands',
  'palette.placeholder': 'Type a command, a name or an address…',
  'palette.commands': 'Commands',
  'palette.customers': 'Customers',
  'palette.go': 'Go to',
  'palette.none': 'Nothing found. Try a name, an address or a command.',

  'keys.title': 'Keyboard shortcuts',
  'keys.or': 'or',
  'keys.note': 'They work on every keyboard layout and rest while you type.',
  'keys.list': 'List',
  'keys.conversation': 'Conversation',
  'keys.write': 'Writing',
  'keys.go': 'Go to',
  'keys.phone': 'Telephone',
  'keys.everywhere': 'Everywhere',

  'view.tasks': 'Tasks',
  'task.due': 'Due',
  'task.dueCount': { one: '{n} overdue or due today', other: '{n} overdue or due today' },
  'task.nowDue': 'Due now: {text}',
  'task.open': 'Open',
  'dup.title': 'Duplicates',

  'setup.pending': 'Setting up…',
} as const

export const en = { ...shared, ...inbox, ...ways, ...calls, ...documents, ...preference }
