// Texts of calls on the timeline and in lists.
export const calls = {
  'call.ringing': 'Incoming call',
  'call.missed': 'Missed call',
  'call.voicemail': 'Voicemail',
  'call.busy': 'Call refused as busy',
  'call.failed': 'Call could not be connected',
  'call.length': 'Line open for {time}',
  'call.choice': 'Chose “{words}”',
  'call.closed': 'Outside business hours',
  'call.withheld': 'Number withheld',
  'call.transcript': 'Transcript',
  'call.noRecording': 'The recording is on its way.',
} as const
