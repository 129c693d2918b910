import type { Key } from './i18n/index.svelte'

/** What the "?" sheet shows; the handlers live beside what they act on. */
export const shortcuts: { title: Key; keys: { keys: string[]; text: Key }[] }[] = [
  {
    title: 'keys.list',
    keys: [
      { keys: ['j'], text: 'act.next' },
      { keys: ['k'], text: 'act.previous' },
      { keys: ['o', 'Enter'], text: 'act.open' },
      { keys: ['u', 'Escape'], text: 'act.back' },
      { keys: ['x'], text: 'act.select' },
      { keys: ['shift+x'], text: 'act.selectRange' },
      { keys: ['v'], text: 'list.channel' },
      { keys: ['c'], text: 'list.compose' },
    ],
  },
  {
    title: 'keys.conversation',
    keys: [
      { keys: ['r'], text: 'act.reply' },
      { keys: ['a'], text: 'act.replyAll' },
      { keys: ['f'], text: 'act.forward' },
      { keys: ['n'], text: 'act.note' },
      { keys: ['e'], text: 'act.resolve' },
      { keys: ['s'], text: 'act.snooze' },
      { keys: ['i'], text: 'act.assignMe' },
      { keys: ['shift+i'], text: 'act.assign' },
      { keys: ['t'], text: 'act.tags' },
      { keys: ['p'], text: 'act.priority' },
      { keys: ['m'], text: 'act.merge' },
      { keys: ['h'], text: 'act.scope' },
      { keys: ['.'], text: 'act.copyAddress' },
      { keys: ['[', ']'], text: 'act.pane' },
      { keys: ['z'], text: 'act.undoLast' },
    ],
  },
  {
    title: 'keys.write',
    keys: [
      { keys: ['mod+Enter'], text: 'composer.send' },
      { keys: ['mod+shift+Enter'], text: 'composer.sendResolve' },
      { keys: ['w', 'mod+j'], text: 'way.change' },
      { keys: ['mod+b'], text: 'composer.bold' },
      { keys: ['mod+i'], text: 'composer.italic' },
      { keys: ['mod+k'], text: 'composer.link' },
      { keys: ['mod+shift+8'], text: 'composer.bullets' },
      { keys: ['mod+shift+9'], text: 'composer.quote' },
    ],
  },
  {
    title: 'keys.go',
    keys: [
      { keys: ['g m', '1'], text: 'view.mine' },
      { keys: ['g u', '2'], text: 'view.unassigned' },
      { keys: ['g a', '3'], text: 'view.all' },
      { keys: ['4'], text: 'view.snoozed' },
      { keys: ['5'], text: 'view.resolved' },
      { keys: ['g t', '6'], text: 'view.tasks' },
      { keys: ['g c'], text: 'rail.customers' },
      { keys: ['g d'], text: 'rail.documents' },
      { keys: ['g h'], text: 'rail.channels' },
      { keys: ['g s'], text: 'rail.settings' },
    ],
  },
  {
    title: 'keys.phone',
    keys: [
      { keys: ['y'], text: 'phone.take' },
      { keys: ['shift+q'], text: 'phone.declineOrEnd' },
      { keys: ['l'], text: 'phone.holdOrResume' },
      { keys: ['v'], text: 'phone.mute' },
      { keys: ['d'], text: 'phone.keypad' },
      { keys: ['b'], text: 'phone.transfer' },
      { keys: ['shift+o'], text: 'phone.open' },
      { keys: ['shift+c'], text: 'phone.callThem' },
      { keys: ['shift+p'], text: 'phone.readyOrNot' },
    ],
  },
  {
    title: 'keys.everywhere',
    keys: [
      { keys: ['mod+k'], text: 'rail.commands' },
      { keys: ['/'], text: 'act.search' },
      { keys: ['?'], text: 'rail.keys' },
    ],
  },
]
