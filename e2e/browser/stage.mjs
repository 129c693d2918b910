// What the scenarios share: browsers that are signed in, and the world around
// the hub (mail that comes, mail that went out, the hub's process), which the Go
// test plays.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { chromium } from 'playwright-core'

const { HUB, AROUND, CHROMIUM, PASSWORD, SHOTS } = process.env
const patience = 45_000

export { assert, HUB, PASSWORD }

/** Asks the Go test for something around the hub. */
export async function ask(what, body = {}) {
  const r = await fetch(`${AROUND}/${what}`, { method: 'POST', body: JSON.stringify(body) })
  if (!r.ok) throw new Error(`${what}: ${await r.text()}`)
  return r.json()
}

export const people = {
  nora: { email: 'nora@example.com', name: 'Nora Admin' },
  omar: { email: 'omar@example.com', name: 'Omar Agent' },
}

/** Tells what is being looked at, so that a failure says where. */
export const step = (text) => console.log('·', text)

/** Runs a scenario with a browser; the process's exit code tells how it went. */
export async function run(scenario) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const pages = []
  /** Opens a browser of its own, with its own cookies. */
  async function open(name, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'en-GB', reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(patience)
    const page = await context.newPage()
    page.faults = []
    page.on('pageerror', (e) => page.faults.push(`${name}: ${e.stack ?? e}`))
    page.on('console', (m) => m.type() === 'error' && /Content.Security.Policy|violat/i.test(m.text()) && page.faults.push(`${name}: ${m.text()}`))
    page.who = name
    pages.push(page)
    return page
  }
  try {
    await scenario(open)
    const faults = pages.flatMap((p) => p.faults)
    if (faults.length) throw new Error(`faults in the pages:\n${faults.join('\n')}`)
    console.log('ok')
  } catch (e) {
    process.exitCode = 1
    console.error(e)
    for (const p of pages) {
      console.error(`--- ${p.who} at ${p.url()}\n${p.faults.join('\n')}`)
      console.error((await p.locator('body').innerText({ timeout: 2000 }).catch((e) => String(e))).replace(/\n+/g, ' | ').slice(0, 1500))
      if (SHOTS) {
        mkdirSync(SHOTS, { recursive: true })
        await p.screenshot({ path: `${SHOTS}/${p.who}.png` }).catch(() => undefined)
      }
    }
  } finally {
    await browser.close()
  }
}

/** Signs in through the form. */
export async function signIn(page, who, path = '#/inbox/unassigned') {
  await page.goto(`${HUB}/${path}`)
  await page.locator('[data-testid=signin] input[type=email]').fill(people[who].email)
  await page.locator('[data-testid=signin] input[name=password]').fill(PASSWORD)
  await page.locator('[data-testid=signin] button[type=submit]').click()
  await page.getByTestId('rail').waitFor()
  // From here on nobody loads the page again.
  await page.evaluate(() => (window.loadedOnce = true))
}

/** Fails if the page was loaded anew since signIn. */
export async function notReloaded(...pages) {
  for (const p of pages) assert.equal(await p.evaluate(() => window.loadedOnce), true, `${p.who} was reloaded`)
}

export const row = (page, text) => page.getByTestId('row').filter({ hasText: text })
export const entry = (page, text) => page.getByTestId('entry').filter({ hasText: text })

/** Waits for what was sent. If something came too lately to have been noticed it is held back once: it is looked at then, and sent anyway. */
export async function wentOut(page, text) {
  await entry(page, text).or(page.getByTestId('show-newer')).first().waitFor()
  if (await page.getByTestId('show-newer').isVisible()) {
    await page.getByTestId('show-newer').click()
    await page.getByTestId('send-anyway').click()
  }
  await entry(page, text).waitFor()
}

/** Waits until ok() is true. */
export async function until(what, ok) {
  const end = Date.now() + patience
  let last
  while (Date.now() < end) {
    try {
      if (await ok()) return
      last = undefined
    } catch (e) {
      last = e
    }
    await new Promise((r) => setTimeout(r, 50))
  }
  throw new Error(`still not: ${what}`, { cause: last })
}

/** No serious or critical fault that axe finds. */
export async function accessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze()
  const bad = violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id} (${v.impact}): ${v.help}\n    ${v.nodes.slice(0, 5).map((n) => n.html.slice(0, 200) + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')).join('\n    ')}`)
  // Collected, so that one run tells of all screens.
  if (bad.length) page.faults.push(`accessibility of ${what}:\n  ${bad.join('\n  ')}`)
}

/** Nothing sticks out to the side. */
export async function fits(page, what) {
  // What hangs on the window's width is drawn anew a moment after it changed.
  await until(`${what} fits`, async () => {
    const [wide, room, over] = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1)
      return [scrollWidth, clientWidth, out.slice(0, 12).map((e) => `${e.tagName}.${e.className} ${e.dataset?.testid ?? ''}`)]
    })
    assert.ok(wide <= room, `${what} is ${wide} px wide and has room for ${room}: ${over.join(' | ')}`)
    return true
  })
}
