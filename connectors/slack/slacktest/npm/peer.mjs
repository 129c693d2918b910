// Drives a Slack with the vendor's own clients. It is started by a Go test with
// the address and the tokens in SLACK, prints one JSON line for each thing that
// happened, and ends when its standard input ends.
import { WebClient } from '@slack/web-api';
import { SocketModeClient } from '@slack/socket-mode';

const { api, bot, app, channel, user } = JSON.parse(process.env.SLACK);
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => 'error', setName() {} };
const say = (what, value) => process.stdout.write(JSON.stringify({ what, value }) + '\n');

const options = { slackApiUrl: api, logger: quiet, retryConfig: { retries: 3, minTimeout: 10 } };
const web = new WebClient(bot, options);

async function code(call) {
  try {
    await call();
    return 'no error';
  } catch (e) {
    return e.data?.error ?? e.code ?? String(e);
  }
}

say('auth', await web.auth.test());
const channels = [];
for await (const page of web.paginate('conversations.list', { limit: 2 })) {
  channels.push(...page.channels.map((c) => c.name));
}
say('channels', channels);
const first = await web.chat.postMessage({
  channel, text: 'A question & <answers>', metadata: { event_type: 'sent', event_payload: { key: 'k1' } },
  blocks: [
    { type: 'section', text: { type: 'mrkdwn', text: 'Open it' } },
    { type: 'actions', elements: [{ type: 'button', action_id: 'open', value: '7', text: { type: 'plain_text', text: 'Open' } }] },
  ],
});
say('posted', first);
await web.chat.postMessage({ channel, text: 'in a thread', thread_ts: first.ts });
await web.chat.update({ channel, ts: first.ts, text: 'changed' });
say('history', (await web.conversations.history({ channel, include_all_metadata: true })).messages);
say('replies', (await web.conversations.replies({ channel, ts: first.ts })).messages);
say('user', (await web.users.info({ user, include_locale: true })).user);
await web.reactions.add({ channel, timestamp: first.ts, name: 'eyes' });
say('again', await code(() => web.reactions.add({ channel, timestamp: first.ts, name: 'eyes' })));
say('upload', await web.files.uploadV2({ channel_id: channel, file: Buffer.from('a,b\n1,2\n'), filename: 'table.csv', title: 'A table' }));
say('nowhere', await code(() => web.chat.postMessage({ channel: 'C0NOWHERE00', text: 'x' })));
say('unauthorised', await code(() => new WebClient('xoxb-wrong', options).auth.test()));
say('permalink', (await web.chat.getPermalink({ channel, message_ts: first.ts })).permalink);

const socket = new SocketModeClient({ appToken: app, logger: quiet, clientOptions: options });
let withheld = false;
socket.on('connected', () => say('connected', true));
socket.on('slack_event', async ({ ack, type, body, retry_num, retry_reason }) => {
  if (type === 'events_api' && body.event.text === 'withhold' && !withheld) {
    withheld = true; // the second time it is acknowledged
    say('withheld', retry_num);
    return;
  }
  await ack();
  say('event', { type, body, retry_num, retry_reason });
});
await socket.start();
process.stdin.on('end', async () => {
  await socket.disconnect();
  say('ended', true);
  process.exit(0);
});
process.stdin.resume();
