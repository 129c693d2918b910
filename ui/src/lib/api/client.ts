import createClient from 'openapi-fetch'
import type { paths } from './schema'
import type { Attachment, Clash, Entry, ErrorDetail, Words } from './types'

/** What the server answered when it refused: application/problem+json. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer at all: offline, or the hub is down. */
    readonly status: number,
    readonly title = '',
    /** For people: what is wrong and what to do. */
    readonly detail = '',
    readonly type = '',
    /** Which field is to blame, e.g. location `body.settings.host`. */
    readonly errors: ErrorDetail[] = [],
    /** For 409 …/newer: what arrived after the writer last looked. */
    readonly newer: Entry[] = [],
    /** For 409 …/clash: what somebody else has made of the fields meanwhile. */
    readonly conflicts: Clash[] = [],
    /** Seconds to wait, from Retry-After. */
    readonly retryAfter = 0,
    /** The name of the detail, for other languages. */
    readonly words?: Words,
  ) {
    super(detail || title)
  }
  get unreachable() {
    return this.status === 0
  }
}

let csrf = ''
let onSignedOut = () => {}

/** The session store tells the client its token and what to do when the session has ended. */
export function configure(token: string, signedOut: () => void) {
  csrf = token
  onSignedOut = signedOut
}

/** The typed client of all routes; calls.ts wraps it with `call`. */
export const client = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })
client.use({
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf)
  },
})

/**
 * The data of a client call, or an ApiError. Quiet leaves a 401 to the caller,
 * e.g. the sign-in form.
 */
export async function call<D>(answer: Promise<{ data?: D; error?: unknown; response: Response }>, quiet = false): Promise<D> {
  let r: Awaited<typeof answer>
  try {
    r = await answer
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new ApiError(0)
  }
  if (r.response.ok) return r.data as D
  throw failure(r.response, r.error, quiet)
}

function failure(res: Response, body: unknown, quiet: boolean): ApiError {
  if (res.status === 401 && !quiet) onSignedOut()
  // A proxy's error page is no JSON: the status has to do then.
  const p = (body && typeof body === 'object' ? body : {}) as { title?: string; detail?: string; type?: string; errors?: ErrorDetail[]; newer?: Entry[]; conflicts?: Clash[]; words?: Words }
  return new ApiError(res.status, p.title ?? res.statusText, p.detail, p.type, p.errors, p.newer, p.conflicts, Number(res.headers.get('Retry-After')) || 0, p.words)
}

/** Uploads a file for a message. */
export const upload = (file: Blob, name: string, progress: (part: number) => void, signal?: AbortSignal) =>
  uploadTo<Attachment>(`/api/uploads?name=${encodeURIComponent(name)}`, file, progress, signal)

/** Posts a file and tells how much is done (0…1), which fetch cannot. */
export function uploadTo<T>(path: string, file: Blob, progress: (part: number) => void, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest()
    x.open('POST', path)
    x.setRequestHeader('Content-Type', file.type || 'application/octet-stream')
    x.setRequestHeader('X-CSRF-Token', csrf)
    x.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total)
    x.onload = () => {
      let body: unknown
      try {
        body = JSON.parse(x.responseText)
      } catch {
        // not JSON, as above
      }
      if (x.status >= 200 && x.status < 300) resolve(body as T)
      else reject(failure(new Response(null, { status: x.status, statusText: x.statusText }), body, false))
    }
    x.onerror = () => reject(new ApiError(0))
    x.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    signal?.addEventListener('abort', () => x.abort())
    x.send(file)
  })
}
