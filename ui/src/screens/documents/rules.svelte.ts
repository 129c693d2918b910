// The types of documents and who may do what, read once for all screens.
import { getDocumentRules } from '../../lib/api/documents'
import type { DocumentRules, Role } from '../../lib/api/types'
import { session } from '../../lib/session.svelte'

let now = $state.raw<DocumentRules | undefined>()
let asked = false

export const rules = {
  get types() {
    return now?.types ?? []
  },
  get all() {
    return now
  },
  /** The largest file, in bytes; 0 while it is not known. */
  get bytes() {
    return now?.bytes ?? 0
  },
  may(act: 'see' | 'add' | 'delete' | 'share') {
    // Nobody acts on what they may not see, whatever else the rules grant.
    return !!now && session.may(now.roles.see as Role) && session.may(now.roles[act] as Role)
  },
  /** Types that the asking agent sees and may choose. */
  get choices() {
    return (now?.types ?? []).filter((t) => !t.managers || session.may('manager'))
  },
  set(r: DocumentRules) {
    now = r
  },
  load() {
    if (asked) return
    asked = true
    getDocumentRules().then(
      (r) => (now = r),
      () => (asked = false),
    )
  },
}
