// The routes of telephony.
import { call, client } from './client'

const one = (id: number) => ({ params: { path: { id } } })

export const getPhone = () => call(client.GET('/api/phone'))
export const putPhone = (body: { ready: boolean; number?: string }) => call(client.PUT('/api/phone', { body }))
export const phoneToken = (account: string) => call(client.POST('/api/phone/token', { body: { account } }))
export const listCalls = () => call(client.GET('/api/calls'))
/** key names the call: asked for again under the same one, the hub calls nobody twice. */
export const startCall = (body: { account: string; to: string; conversation?: number; anyway?: boolean }, key: string) => call(client.POST('/api/calls', { params: { header: { 'Idempotency-Key': key } }, body }))
export const takeCall = (id: number) => call(client.POST('/api/calls/{id}/take', one(id)))
export const holdCall = (id: number) => call(client.POST('/api/calls/{id}/hold', one(id)))
export const resumeCall = (id: number) => call(client.POST('/api/calls/{id}/resume', one(id)))
export const transferCall = (id: number, body: { agent?: number; number?: string; warm: boolean }) => call(client.POST('/api/calls/{id}/transfer', { ...one(id), body }))
export const completeTransfer = (id: number) => call(client.POST('/api/calls/{id}/complete', one(id)))
export const cancelCall = (id: number) => call(client.POST('/api/calls/{id}/cancel', one(id)))
export const hangUp = (id: number) => call(client.POST('/api/calls/{id}/hangup', one(id)))
/** Of managers, on calls on which others speak. */
export const endCall = (id: number) => call(client.POST('/api/calls/{id}/oversee/hangup', one(id)))
export const passCall = (id: number, body: { agent?: number; number?: string }) => call(client.POST('/api/calls/{id}/oversee/transfer', { ...one(id), body }))
export const putWrapUp = (id: number, body: { reason: string; note: string }) => call(client.PUT('/api/calls/{id}/wrapup', { ...one(id), body }))
