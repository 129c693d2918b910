// The hub is killed and comes back: the page says so, heals by itself, and
// misses nothing.
import { ask, assert, entry, notReloaded, row, run, signIn, step, until } from './stage.mjs'

await run(async (open) => {
  const nora = await open('nora')
  await signIn(nora, 'nora')
  await ask('deliver', { subject: 'Before', text: 'Before the fall.' })
  await row(nora, 'Before').getByRole('link').click()
  await entry(nora, 'Before the fall.').waitFor()
  await nora.keyboard.press('r')
  await nora.getByTestId('editor').click()
  await nora.keyboard.type('A draft that has to survive.')
  await until('the draft is saved', async () => (await nora.getByTestId('draft-state').innerText()) !== '')

  step('the hub is gone')
  await ask('stop')
  const pill = nora.getByTestId('pill')
  await until('the pill shows', async () => (await pill.innerText()).trim() !== '')
  assert.notEqual(await pill.getAttribute('data-phase'), 'live')
  await ask('deliver', { subject: 'Meanwhile', text: 'While it was away.', from: 'Bob Example <bob@example.net>' })

  step('it comes back')
  await ask('start')
  await until('the pill goes', async () => (await pill.innerText()).trim() === '' && (await pill.getAttribute('data-phase')) === 'live')
  await until('the mail of meanwhile is there', async () => {
    if (await nora.getByTestId('new-bar').isVisible()) await nora.getByTestId('new-bar').click()
    return (await row(nora, 'Meanwhile').count()) === 1
  })
  assert.match(await nora.getByTestId('editor').innerText(), /A draft that has to survive/)

  step('and goes on working')
  await nora.getByTestId('editor').click()
  await nora.keyboard.press('Control+Enter')
  assert.match((await ask('mail', { n: 0 })).text, /A draft that has to survive/)
  await ask('answer', { n: 0, text: 'All is well.' })
  await entry(nora, 'All is well.').waitFor({ state: 'attached' })
  await notReloaded(nora)
})
