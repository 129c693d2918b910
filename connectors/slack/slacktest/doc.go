// Package slacktest is a Slack that runs inside a test or a demo: the Web API,
// Socket Mode, the Events API over HTTP and interactivity, for one app that is
// installed in one workspace, with the people, channels, threads and files of
// that workspace and of others that share a channel with it (Slack Connect).
//
// It is strict where Slack's documents are: scopes, tokens of the wrong kind,
// membership, lengths, content types, rate limits by method, cursors, one-time
// socket addresses, the three seconds for an answer and the retries after them.
// What Slack would shrug at but a client should not do (an answer to an unknown
// envelope, a call of an unknown method, a token in the query) is noted and can
// be read with [Server.Violations].
//
// Faults are switched on by a test: [Server.Inject] for calls of the Web API,
// [Server.DropNext], [Server.DuplicateNext] and [Server.Hold] for events,
// [Server.Disconnect], [Server.CutSockets] and [Server.StallSockets] for sockets.
//
// It listens on 127.0.0.1 only and keeps everything in memory: nothing is ever
// written to disk or sent anywhere but to the addresses it was given.
//
// Sources: https://docs.slack.dev/apis/web-api, /apis/events-api,
// /apis/events-api/using-socket-mode, /apis/web-api/rate-limits,
// /authentication/verifying-requests-from-slack, /apis/slack-connect and the
// page of every method and event.
package slacktest
