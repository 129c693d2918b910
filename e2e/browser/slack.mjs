// Slack: a thread of a shared channel is a conversation that goes on while one looks
// on, an answer arrives in it, and colleagues are told in a channel of theirs.
import { accessible, ask, assert, entry, fits, HUB, notReloaded, row, run, signIn, step, until, wentOut } from './stage.mjs'

await run(async (open) => {
  const page = await open('nora')
  await signIn(page, 'nora', '#/settings/notices')

  step('a rule: tell the desk of new conversations')
  await page.getByTestId('notice-add').click()
  await page.getByTestId('notice-name').fill('Desk')
  await until('the desk is offered', async () => (await page.getByTestId('notice-place').locator('option').allInnerTexts()).join() === '#desk')
  await page.getByTestId('notice-on-mention').check()
  await page.getByTestId('notice-preview').check()
  await accessible(page, 'a rule for notices')
  await page.getByTestId('notice-save').click()
  await page.getByTestId('notice').filter({ hasText: 'Desk' }).waitFor()
  await page.getByTestId('notice-test').click()
  await until('the test is posted', async () => (await ask('posts', { where: 'desk' })).length === 1)
  await accessible(page, 'the rules for notices')

  step('a message appears by itself, with the name of whom it mentions and a face')
  await page.evaluate(() => (location.hash = '#/inbox/all'))
  const root = await ask('say', { text: 'Is my *Heron* ready, @Lena?' })
  await row(page, 'Is my Heron ready').getByRole('link').click()
  const first = entry(page, '@Lena Example')
  await first.waitFor()
  assert.equal(await first.getAttribute('data-channel'), 'slack')
  const face = first.getByTestId('picture')
  // It is fetched after the message, and takes the place of the initials.
  const shown = (img) => until('the face is there', async () => (await img.count()) > 0 && img.evaluate((i) => i.complete && i.naturalWidth > 0))
  await shown(face)
  await shown(row(page, 'Is my Heron ready').getByTestId('picture'))

  step('the desk is told, with a link to here')
  let posts = []
  await until('the notice is posted', async () => (posts = await ask('posts', { where: 'desk' })).length === 2)
  assert.match(posts[1].text, /New conversation: Ann Example/)
  assert.match(posts[1].text, /Is my Heron ready/)
  const id = /inbox\/all\/(\d+)/.exec(posts[1].blocks)?.[1]
  assert.ok(id && page.url().endsWith(`/${id}`), `${page.url()} is not ${id}`)
  await ask('say', { where: 'desk', text: 'I take this one' })

  step('more in the thread: a picture')
  const more = await ask('say', { text: 'It looks like this', thread: root, picture: true })
  const shot = entry(page, 'It looks like this').getByTestId('media').locator('img')
  await shot.waitFor()
  await until('it is loaded', () => shot.evaluate((i) => i.complete && i.naturalWidth > 0))

  step('the answer arrives in the thread')
  await page.keyboard.press('r')
  const editor = page.getByTestId('editor')
  await until('the composer writes to Slack', async () => (await page.getByTestId('channel-chip').getAttribute('data-channel')) === 'slack')
  await editor.click()
  await page.keyboard.type('It is, until six.')
  await page.keyboard.press('Control+Enter')
  await wentOut(page, 'It is, until six.')
  let answers = []
  await until('it is posted', async () => (answers = await ask('posts')).length === 1)
  assert.deepEqual([answers[0].thread, answers[0].text], [root, 'It is, until six.'])
  await until('it is sent', async () => (await entry(page, 'It is, until six.').getByTestId('delivery').getAttribute('data-status')) === 'sent')
  await until('the notice says so', async () => /Answered/.test((await ask('posts', { where: 'desk' }))[1].text))

  step('a reaction, an edit with what stood there before, a deletion')
  await ask('react', { ts: answers[0].ts, name: 'tada' })
  await entry(page, 'It is, until six.').getByTestId('reactions').filter({ hasText: '🎉' }).waitFor()
  await ask('edit', { ts: root, text: 'Is my Heron ready today?' })
  const edited = entry(page, 'ready today?')
  await edited.waitFor()
  await edited.getByTestId('former-toggle').click()
  await edited.getByTestId('former').filter({ hasText: '@Lena Example' }).waitFor()
  await ask('delete', { ts: more })
  await page.getByTestId('deleted').waitFor()
  await accessible(page, 'a thread of Slack')
  await notReloaded(page)

  step('what colleagues say at the desk is no conversation')
  assert.equal(await page.getByTestId('row').count(), 1)
  assert.equal((await ask('posts', { where: 'desk' })).length, 2)

  step('on a phone')
  await page.setViewportSize({ width: 390, height: 844 })
  await fits(page, 'a thread of Slack')
  await page.goto(`${HUB}/#/settings/notices`)
  await page.getByTestId('notice').waitFor()
  await fits(page, 'the rules for notices')
  await accessible(page, 'the rules for notices on a phone')
})
