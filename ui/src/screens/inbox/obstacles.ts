import { bytes } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import type { Obstacle } from './ways'

export function obstacleText(o: Obstacle): string {
  if (o.key === 'way.obstacle.bytes') return t(o.key, { size: bytes(o.params.bytes) })
  return 'params' in o ? t(o.key, o.params) : t(o.key)
}
