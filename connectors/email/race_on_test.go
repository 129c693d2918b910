//go:build race

package email

// raceDetector tells that the race detector is on: it multiplies memory and time.
const raceDetector = true
