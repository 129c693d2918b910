// Drives the double with the vendor's own client for Node, and checks the double's webhooks with the vendor's own
// validators. It prints the URL it listens on, waits for a line on its standard input, and prints what it saw as JSON.
import http from 'node:http'
import readline from 'node:readline'
import twilio from 'twilio'

const { BASE, ACCOUNT_SID, AUTH_TOKEN, OURS, CUSTOMER, AGENT, API_KEY, API_SECRET, IDENTITY } = process.env

/** Sends what is meant for api.twilio.com to the double. */
class Rewriting extends twilio.RequestClient {
  request(opts) {
    const uri = new URL(opts.uri)
    return super.request({ ...opts, uri: BASE + uri.pathname + uri.search })
  }
}
const client = twilio(ACCOUNT_SID, AUTH_TOKEN, { httpClient: new Rewriting({ autoRetry: true, maxRetries: 3 }) })

const seen = { webhooks: [], api: {} }
let web
const server = http.createServer((req, res) => {
  let body = ''
  req.on('data', (d) => (body += d))
  req.on('end', () => {
    const url = web + req.url
    const signature = req.headers['x-twilio-signature']
    let valid
    if (req.headers['content-type'] === 'application/json') {
      valid = twilio.validateRequestWithBody(AUTH_TOKEN, signature, url, body)
    } else {
      const params = {}
      for (const [k, v] of new URLSearchParams(body)) {
        params[k] = k in params ? [].concat(params[k], v) : v
      }
      valid = twilio.validateRequest(AUTH_TOKEN, signature, url, params)
    }
    seen.webhooks.push({ method: req.method, path: req.url.split('?')[0], valid })
    const twiml = new twilio.twiml.VoiceResponse()
    const text = new twilio.twiml.MessagingResponse()
    res.setHeader('Content-Type', 'text/xml')
    switch (req.url.split('?')[0]) {
      case '/sms':
        text.message({ statusCallback: '/status' }, 'Thanks & bye, سلام 😀')
        return res.end(text.toString())
      case '/voice':
        twiml.gather({ numDigits: 1, action: '/menu?from=voice', input: 'dtmf speech' }).say({ language: 'en-GB' }, 'Press one')
        return res.end(twiml.toString())
      case '/menu': {
        const dial = twiml.dial({ action: '/done', timeout: 20, record: 'record-from-answer-dual' })
        dial.client({ statusCallback: '/leg', statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'] }, 'ann')
        dial.number(AGENT)
        return res.end(twiml.toString())
      }
      case '/done':
        twiml.say('Goodbye')
        twiml.hangup()
        return res.end(twiml.toString())
    }
    res.statusCode = 204
    res.end()
  })
})

async function refusal(call) {
  try {
    await call()
    return 'no error'
  } catch (e) {
    return `${e.constructor.name} ${e.status} ${e.code}`
  }
}

async function drive() {
  const api = seen.api
  const m = await client.messages.create({ to: CUSTOMER, from: OURS, body: 'Hello', statusCallback: web + '/status',
    mediaUrl: [] })
  api.created = [m.sid.slice(0, 2), m.status, m.direction, m.numSegments, m.dateCreated instanceof Date, m.dateSent]
  await client.messages.create({ to: CUSTOMER, from: OURS, body: 'Two' })
  api.listed = (await client.messages.list({ to: CUSTOMER, dateSentAfter: new Date(Date.now() - 3600e3), pageSize: 1 }))
    .map((x) => x.body)
  api.fetched = (await client.messages(m.sid).fetch()).body
  api.refused = await refusal(() => client.messages.create({ to: '12', from: OURS, body: 'x' }))
  api.missing = await refusal(() => client.messages('SM' + '0'.repeat(32)).fetch())
  api.stranger = await refusal(() => twilio(ACCOUNT_SID, 'wrong', { httpClient: new Rewriting() }).messages.list())
  api.numbers = (await client.incomingPhoneNumbers.list({ phoneNumber: OURS })).map((n) => n.capabilities.sms)
  const c = await client.calls.create({ to: AGENT, from: OURS, twiml: '<Response><Pause length="60"/></Response>',
    statusCallback: web + '/calls', statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'] })
  api.call = [c.status, c.direction]
  api.canceled = (await client.calls(c.sid).update({ status: 'canceled' })).status
  const q = await client.queues.create({ friendlyName: 'support', maxSize: 5 })
  api.queue = [(await client.queues(q.sid).fetch()).maxSize, (await client.queues(q.sid).members.list()).length]
  api.queueGone = await client.queues(q.sid).remove()
  const p = await client.conferences('Room').participants.create({ to: 'client:bob', from: OURS, label: 'bob' })
  api.participant = [p.label, p.status, (await client.conferences(p.conferenceSid).fetch()).friendlyName]
  api.held = (await client.conferences(p.conferenceSid).participants(p.callSid).update({ hold: true })).hold
  api.recordings = (await client.recordings.list()).length
  const { AccessToken } = twilio.jwt
  const access = new AccessToken(ACCOUNT_SID, API_KEY, API_SECRET, { identity: IDENTITY, ttl: 3600 })
  access.addGrant(new AccessToken.VoiceGrant({ incomingAllow: true }))
  api.token = access.toJwt()
}

server.listen(0, '127.0.0.1', async () => {
  web = `http://127.0.0.1:${server.address().port}`
  console.log(web)
  const lines = readline.createInterface({ input: process.stdin })
  for await (const line of lines) {
    if (line === 'drive') {
      try {
        await drive()
      } catch (e) {
        seen.api.error = String(e.stack)
      }
      console.log('driven')
    } else {
      break
    }
  }
  console.log(JSON.stringify(seen))
  process.exit(0)
})
