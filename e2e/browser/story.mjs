// The main job with two agents: mail arrives, is answered, the customer's answer
// joins, and everybody sees everything as it happens.
import { ask, assert, entry, notReloaded, row, run, signIn, step, until } from './stage.mjs'

await run(async (open) => {
  const nora = await open('nora')
  const omar = await open('omar')
  await signIn(nora, 'nora')
  await signIn(omar, 'omar')

  step('mail appears in both lists')
  const long = Array.from({ length: 120 }, (_, i) => `Line ${i + 1} of a long story.`).join('\n')
  await ask('deliver', { subject: 'Where is my parcel?', text: `Hello,\nit has not come.\n\n${long}` })
  await row(nora, 'Where is my parcel?').waitFor()
  await row(omar, 'Where is my parcel?').waitFor()
  assert.match(await row(omar, 'Where is my parcel?').innerText(), /Ann Example/)

  step('both open it and see each other')
  await row(nora, 'Where is my parcel?').getByRole('link').click()
  await entry(nora, 'it has not come').waitFor()
  await row(omar, 'Where is my parcel?').getByRole('link').click()
  await entry(omar, 'it has not come').waitFor()
  await nora.getByTestId('viewers').waitFor()
  await omar.getByTestId('viewers').waitFor()

  step('the other sees that somebody types')
  await nora.keyboard.press('r')
  const editor = nora.getByTestId('editor')
  await editor.waitFor()
  await until('the editor has the focus', () => editor.evaluate((e) => e === document.activeElement || e.contains(document.activeElement)))
  await nora.keyboard.type('It left our house on Monday.')
  await omar.getByTestId('typing').filter({ hasText: 'Nora' }).waitFor()

  step('sent, taken back, sent again')
  await nora.keyboard.press('Control+Enter')
  await nora.getByTestId('undo').click()
  await until('the text is back', async () => (await editor.innerText()).includes('It left our house on Monday.'))
  await until('the message is gone', async () => (await entry(omar, 'It left our house').count()) === 0)
  assert.equal(await ask('mails'), 0, 'nothing has left')

  // Omar writes too, and has scrolled away from the end: what comes now he has
  // not seen.
  await omar.keyboard.press('r')
  await omar.getByTestId('editor').click()
  await omar.keyboard.type('We will look into it.')
  await omar.getByTestId('timeline').evaluate((e) => (e.scrollTop = 0))
  await nora.getByTestId('typing').filter({ hasText: 'Omar' }).waitFor({ state: 'attached' })

  await editor.click()
  await nora.keyboard.press('Control+End')
  await nora.keyboard.type(' Promised.')
  await nora.keyboard.press('Control+Enter')
  await entry(omar, 'It left our house on Monday. Promised.').waitFor({ state: 'attached' })

  step('an answer that crosses another is held back')
  await omar.getByTestId('editor').click()
  await omar.keyboard.press('Control+Enter')
  const newer = omar.getByTestId('newer')
  await newer.waitFor()
  assert.match(await newer.innerText(), /Nora/)
  assert.match(await omar.getByTestId('editor').innerText(), /We will look into it/, 'the draft is kept')

  step('the answer leaves, threaded')
  const mail = await ask('mail', { n: 0 })
  assert.deepEqual(mail.to, ['ann@example.org'])
  assert.equal(mail.subject, 'Re: Where is my parcel?')
  assert.match(mail.text, /It left our house on Monday\. Promised\./)
  assert.match(mail.inReplyTo, /^<browser-.*@example\.org>$/)
  assert.equal(mail.references, mail.inReplyTo)
  assert.equal(mail.tree, 'multipart/alternative(text/plain text/html)')
  for (const p of [nora, omar]) {
    await until('it reads as sent', async () => /sent/i.test(await entry(p, 'It left our house').getByTestId('delivery').innerText()))
  }
  assert.equal(await ask('mails'), 1, 'only the one answer has left')

  step('having seen it, the other answer goes out too')
  await omar.getByTestId('show-newer').click()
  await omar.getByTestId('send-anyway').click()
  await entry(nora, 'We will look into it.').waitFor({ state: 'attached' })
  assert.match((await ask('mail', { n: 1 })).text, /We will look into it/)

  step('the customer answers into the same conversation')
  await ask('answer', { n: 0, text: 'Thank you, it is here.' })
  await entry(nora, 'Thank you, it is here.').waitFor({ state: 'attached' })
  await entry(omar, 'Thank you, it is here.').waitFor({ state: 'attached' })
  await until('one conversation', async () => (await row(nora, 'parcel').count()) <= 1)

  step('new mail does not move the rows that are being read')
  await nora.getByTestId('tab-all').click()
  await row(nora, 'Where is my parcel?').hover()
  await ask('deliver', { subject: 'Another matter', text: 'Hello', from: 'Bob Example <bob@example.net>' })
  await nora.getByTestId('new-bar').click()
  await row(nora, 'Another matter').waitFor()

  step('resolved in one browser, gone in the other')
  await omar.getByTestId('tab-all').click()
  await row(omar, 'Another matter').getByRole('link').click()
  await entry(omar, 'Hello').first().waitFor()
  await omar.getByTestId('resolve').click()
  await nora.getByTestId('tab-resolved').click()
  await row(nora, 'Another matter').waitFor()
  await notReloaded(nora, omar)
})
