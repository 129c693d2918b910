// Package twiliotest is a strict double of Twilio that runs inside the process: the REST API 2010-04-01 as the vendor's
// own clients call it, the signed webhooks it sends, and phones that a test or a demonstration picks up and dials with.
//
//	srv, err := twiliotest.Start(twiliotest.Options{
//		Numbers: []twiliotest.Number{{PhoneNumber: "+15550100", SMS: true, MMS: true, Voice: true,
//			SMSURL: hub + "/sms", VoiceURL: hub + "/voice"}},
//		Speed: 200,
//	})
//	defer srv.Close()
//	srv.URL()                                                   // base URL for the client: scheme and host, no path
//	srv.Receive("+15550123", "+15550100", "Hello")              // a text arrives; returns when the webhook was answered
//	srv.WaitMessage(ctx, func(m twiliotest.Message) bool { … })  // what we sent, and how far it got
//	call, _ := srv.Call("+15550123", "+15550100")               // the customer rings us
//	call.Press("1"); call.Speak(4 * time.Second); call.HangUp()
//	leg, _ := srv.NextRinging(ctx, "client:ann")                // the agent's browser rings
//	leg.Answer()
//	device, _ := srv.Device(token)                              // a browser signs in with our access token
//	device.Connect(url.Values{"To": {"+15550123"}})             // and calls out
//
// Messages: create, fetch, list, redact, delete; media in and out; delivery states by signed callback; messaging
// services, WhatsApp with its 24-hour window and templates, opt-out words. Voice: calls made and received, an interpreter
// of TwiML, queues, conferences with participants, recordings with real audio, browsers with access tokens. Faults: throttling, server errors,
// connections cut before or after the work was done, slow answers, callbacks late, repeated, reordered or lost, and a
// black-out in which nothing is delivered and only the list API tells.
//
// Sources: Twilio's public documentation and the vendor's OpenAPI file, against which the tests compare every answer.
// Where the vendor is lenient and leniency would hide a mistake of ours, the double is strict: TwiML that does not
// conform ends the call (Twilio logs warning 12200 and goes on), and every unknown parameter is kept in Notes.
//
// Two clocks: date stamps come from Options.Now; lengths of time (delivery latency, ringing, talking, pauses) run
// Options.Speed times as fast as the wall clock. With Options.Frozen they pass only by Advance and by Speak, while what
// the phones hear takes no time: every duration is then exactly what the test made it, however slow the machine.
//
// The package keeps everything in memory, listens on the loopback interface only, never speaks to Twilio, imports
// nothing outside the standard library and nothing of testing, so that a demonstration can embed it.
package twiliotest
