// For everybody: without a mouse, with a screen reader, on a phone, from right to
// left, in the dark.
import { accessible, ask, assert, entry, fits, HUB, row, run, signIn, step, until } from './stage.mjs'

await run(async (open) => {
  for (const [subject, text, from] of [
    ['First matter', 'The first mail.', 'Ann Example <ann@example.org>'],
    ['Second matter', 'The second mail.', 'Bob Example <bob@example.net>'],
    ['پیگیری سفارش', 'سلام، سفارش من هنوز نرسیده است.', 'مریم نمونه <maryam@example.org>'],
    ['สอบถามเรื่องสินค้า', 'สวัสดีค่ะ ยังไม่ได้รับของ', 'สมชาย ตัวอย่าง <somchai@example.net>'],
  ]) {
    await ask('deliver', { subject, text, from })
  }
  await ask('deliver', { subject: 'With pictures', from: 'Cleo Example <cleo@example.org>', html: '<p style="color:#777">Hello <b>there</b></p><img src="https://example.com/x.png"><table><tr><td>cell</td></tr></table>' })

  step('sign-in')
  const page = await open('nora')
  await page.goto(HUB)
  await page.getByTestId('signin').waitFor()
  await accessible(page, 'the sign-in page')
  await signIn(page, 'nora', '#/inbox/all')
  for (const s of ['First matter', 'Second matter', 'پیگیری', 'สอบถาม', 'With pictures']) await row(page, s).waitFor()

  step('the keyboard: j k o u r e ? and Ctrl-K')
  await page.locator('body').click({ position: { x: 700, y: 500 } })
  const subject = () => page.getByTestId('subject').innerText()
  const order = await page.getByTestId('row').evaluateAll((rows) => rows.map((r) => r.querySelector('a').innerText))
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  await page.keyboard.press('o')
  await page.getByTestId('subject').waitFor()
  const first = await subject()
  assert.ok(order[0].includes(first), `o opened ${first}, the first row is ${order[0]}`)
  await page.keyboard.press('j')
  await until('the second row is open', async () => order[1].includes(await subject()))
  await page.keyboard.press('k')
  await until('the first row is open', async () => order[0].includes(await subject()))
  await page.keyboard.press('?')
  await page.getByTestId('key-sheet').waitFor()
  await accessible(page, 'the sheet of keys')
  await page.keyboard.press('Escape')
  await page.getByTestId('key-sheet').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette').waitFor()
  await accessible(page, 'the palette')
  await page.keyboard.press('Escape')
  await page.getByTestId('palette').waitFor({ state: 'detached' })
  // Nothing waits for the focus from here on: whoever types fast does not, either.
  const editor = page.getByTestId('editor')
  const written = (what, text, place = editor) => until(`${what}: ${text}`, async () => (await place.evaluate((e) => e.value ?? e.innerText)).trim() === text)
  const discard = async () => {
    await page.getByTestId('discard').click()
    await page.getByTestId('composer-open').waitFor()
  }
  await page.keyboard.type('rjkeo?') // letters, not commands, from the second on
  await written('the letters are text', 'jkeo?')
  assert.ok(order[0].includes(await subject()))
  await accessible(page, 'the composer')
  await discard()
  for (const key of ['a', 'n']) {
    await page.keyboard.type(`${key}jkeo?`)
    await written(`after ${key}`, 'jkeo?')
    await discard()
  }
  await page.keyboard.type('fjoe@example.org')
  await written('the one to forward to', 'joe@example.org', page.getByTestId('to-input'))
  await page.keyboard.press('Enter')
  await page.getByTestId('recipient').filter({ hasText: 'joe@example.org' }).waitFor()

  step('a forwarded message that is not sent yet outlives a reload')
  await page.getByTestId('composer-quote').waitFor()
  await editor.click()
  await page.keyboard.type('For you.')
  await page.getByTestId('draft-state').filter({ hasText: /saved/i }).waitFor()
  await page.reload()
  await written('the draft', 'For you.')
  await page.getByTestId('composer-quote').click()
  await page.getByTestId('composer').filter({ hasText: order[0].includes('With pictures') ? 'Hello there' : /mail|سلام|สวัสดี/ }).waitFor()
  await discard()

  step('r before the conversation has come, c, and the palette')
  await page.keyboard.press('u')
  await page.getByTestId('subject').waitFor({ state: 'detached' })
  await page.route('**/api/conversations/*', async (route) => {
    await new Promise((r) => setTimeout(r, 400)) // a slow network
    await route.continue()
  })
  await page.keyboard.type('rejkx')
  await written('r in the list', 'ejkx')
  assert.ok(order[0].includes(await subject()))
  await discard()
  await page.keyboard.type('u')
  await page.getByTestId('subject').waitFor({ state: 'detached' })
  await page.keyboard.type('orejkx')
  await written('o and r', 'ejkx')
  await discard()
  await page.unroute('**/api/conversations/*')
  await page.keyboard.press('Control+k')
  await page.getByTestId('palette').waitFor()
  await page.keyboard.type('note')
  await page.getByTestId('palette').locator('[data-selected]').filter({ hasText: /note/i }).waitFor()
  await page.keyboard.press('Enter')
  await page.keyboard.type('ejkx')
  await written('a note by the palette', 'ejkx')
  await discard()
  await page.keyboard.type('cejkx')
  await written('a new one', 'ejkx', page.getByTestId('to-input'))
  await page.getByTestId('discard').click()
  await page.goto(`${HUB}/#/inbox/all`)
  await row(page, 'First matter').waitFor()
  await page.locator('body').click({ position: { x: 700, y: 500 } })
  await page.keyboard.press('o')
  await page.getByTestId('subject').waitFor()

  const resolved = await subject()
  await page.keyboard.press('e')
  await page.getByTestId('toast').first().waitFor()
  await page.goto(`${HUB}/#/inbox/resolved`)
  await row(page, resolved).waitFor()

  step('axe on every screen, light and dark')
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await page.goto(`${HUB}/#/inbox/all`)
    await page.getByTestId('row').first().waitFor()
    await accessible(page, `the inbox (${scheme})`)
    for (const s of ['Second matter', 'With pictures', 'สอบถาม']) {
      if ((await row(page, s).count()) === 0) continue // it may be the resolved one
      await row(page, s).getByRole('link').click()
      await page.getByTestId('entry').first().waitFor()
      await accessible(page, `conversation ${s} (${scheme})`)
    }
    for (const [path, mark] of [['channels', 'account'], ['customers', 'customer-row'], ['settings', 'settings']]) {
      await page.goto(`${HUB}/#/${path}`)
      await page.getByTestId(mark).first().waitFor()
      await accessible(page, `${path} (${scheme})`)
    }
    const parts = await page.locator('[data-testid^=settings-]').evaluateAll((l) => l.map((e) => e.dataset.testid))
    assert.ok(parts.length >= 3, `the settings have ${parts}`)
    for (const part of parts) {
      await page.getByTestId(part).click()
      await page.waitForLoadState('networkidle')
      await accessible(page, `${part} (${scheme})`)
    }
  }

  step('a phone, 390 px wide')
  const phone = await open('phone', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true })
  await signIn(phone, 'omar', '#/inbox/all')
  await row(phone, 'First matter').or(row(phone, 'Second matter')).first().waitFor()
  await fits(phone, 'the list on a phone')
  await accessible(phone, 'the list on a phone')
  await row(phone, 'With pictures').getByRole('link').tap()
  await phone.getByTestId('entry').first().waitFor()
  await fits(phone, 'a conversation on a phone')
  await phone.getByTestId('composer-open').tap()
  await phone.getByTestId('editor').waitFor()
  await fits(phone, 'the composer on a phone')
  assert.ok(await phone.getByTestId('send').isVisible(), 'the send button is on the screen')
  await phone.getByTestId('discard').tap()
  await phone.goto(`${HUB}/#/channels`)
  await phone.getByTestId('account').first().waitFor()
  await fits(phone, 'the channels on a phone')
  await phone.goto(`${HUB}/#/settings`)
  await phone.getByTestId('settings').waitFor()
  await fits(phone, 'the settings on a phone')

  step('Persian, from right to left, in the dark')
  const persian = await open('persian', { locale: 'fa-IR', colorScheme: 'dark' })
  await signIn(persian, 'omar', '#/inbox/all')
  await row(persian, 'پیگیری سفارش').or(row(persian, 'Second matter')).first().waitFor()
  assert.deepEqual(await persian.evaluate(() => [document.documentElement.dir, document.documentElement.lang.slice(0, 2)]), ['rtl', 'fa'])
  const [rail, list] = await Promise.all([persian.getByTestId('rail').boundingBox(), persian.getByTestId('list').boundingBox()])
  assert.ok(rail.x > list.x, 'the rail stands on the right')
  await fits(persian, 'the inbox in Persian')
  await accessible(persian, 'the inbox in Persian')
  await persian.getByTestId('list-options').click()
  const menu = persian.getByRole('menu')
  assert.equal(await menu.evaluate((e) => getComputedStyle(e).direction), 'rtl', 'menus run from right to left, too')
  await persian.keyboard.press('Escape')
  await menu.waitFor({ state: 'detached' })
  await row(persian, 'With pictures').getByRole('link').click()
  await entry(persian, 'Cleo').first().waitFor()
  await accessible(persian, 'a conversation in Persian')
  const light = await persian.evaluate(() => {
    const c = document.createElement('canvas').getContext('2d')
    c.fillStyle = getComputedStyle(document.body).backgroundColor
    c.fillRect(0, 0, 1, 1)
    return Math.max(...c.getImageData(0, 0, 1, 1).data.slice(0, 3))
  })
  assert.ok(light < 90, `the dark page is as light as ${light}`)
  assert.match(await persian.getByTestId('tab-all').innerText(), /[\u0600-\u06ff]/, 'the texts are Persian')
})
