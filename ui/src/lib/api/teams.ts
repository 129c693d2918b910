// The routes of teams.
import { call, client } from './client'
import type { components } from './schema'

type S = components['schemas']
export type Team = S['Team']
export type Teams = S['Teams']

export const getTeams = () => call(client.GET('/api/teams'))
export const setTeams = (body: Teams) => call(client.PUT('/api/teams', { body }))
