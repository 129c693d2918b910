package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"throughline/connectors"
)

// meaning is what one of Slack's error codes means for us. The codes are those of
// the method pages at docs.slack.dev, the words are ours: what happened, and what
// to do about it where something can be done.
type meaning struct {
	words string
	class connectors.Class
	after time.Duration // for Retry
}

func account(words string) meaning { return meaning{words: words, class: connectors.AccountFault} }
func reject(words string) meaning  { return meaning{words: words, class: connectors.Reject} }

func retry(after time.Duration, words string) meaning {
	return meaning{words: words, class: connectors.Retry, after: after}
}

// codes is the table of Slack's error codes that we can meet.
var codes = map[string]meaning{
	"not_authed":                               account("Slack was given no token; enter the bot token again"),
	"invalid_auth":                             account("Slack refuses the token; check the bot token and the app token, and whether the workspace allows the address we come from"),
	"account_inactive":                         account("the app was removed from the workspace, or its bot was deactivated; install the app in the workspace again and enter the new bot token"),
	"token_revoked":                            account("the token was revoked; install the app in the workspace again and enter the new bot token"),
	"token_expired":                            account("the token has expired; switch token rotation off for the app; install the app in the workspace again and enter the new bot token"),
	"app_uninstalled":                          account("the app was removed from the workspace; install the app in the workspace again and enter the new bot token"),
	"no_permission":                            account("the workspace does not allow the app to do this; ask its administrators"),
	"org_login_required":                       account("the workspace is being moved to an Enterprise organisation; try again when that is done"),
	"ekm_access_denied":                        account("the workspace's administrators have suspended access to its content"),
	"missing_scope":                            account("the app lacks a scope; add it under OAuth & Permissions and install the app again"),
	"not_allowed_token_type":                   account("this is the wrong kind of token: the bot token begins with xoxb-, the app token with xapp-"),
	"access_denied":                            account("Slack denies the app access; ask the workspace's administrators"),
	"team_access_not_granted":                  account("the app was not granted access to this workspace of the organisation"),
	"enterprise_is_restricted":                 account("the organisation does not allow the app to do this"),
	"accesslimited":                            account("the app's access is limited; see its page at api.slack.com"),
	"socket_mode_not_enabled":                  account("Socket Mode is switched off for the app; switch it on at api.slack.com, or use events over HTTP with a signing secret"),
	"link_disabled":                            account("Socket Mode was switched off for the app; switch it on at api.slack.com, or use events over HTTP with a signing secret"),
	"forbidden_team":                           account("the app may not be used in this workspace"),
	"two_factor_setup_required":                account("the workspace requires two-factor authentication first"),
	"messages_tab_disabled":                    reject("the app takes no direct messages; switch on the Messages Tab under App Home at api.slack.com"),
	"channel_not_found":                        reject("the channel or conversation does not exist any more, or the app is not in it"),
	"not_in_channel":                           reject("the app is not in this channel; invite it there (/invite) and send again"),
	"is_archived":                              reject("the channel is archived"),
	"channel_is_archived":                      reject("the channel is archived"),
	"thread_not_found":                         reject("the message that is answered was deleted together with its thread"),
	"cannot_reply_to_message":                  reject("Slack takes no answers to this message"),
	"message_not_found":                        reject("the message that is answered does not exist any more"),
	"msg_too_long":                             reject("the text is longer than Slack takes; shorten it or attach it as a file"),
	"no_text":                                  reject("the message has neither text nor a file"),
	"restricted_action":                        reject("the workspace does not allow the app to post here; ask its administrators"),
	"restricted_action_read_only_channel":      reject("the channel is read-only"),
	"restricted_action_thread_only_channel":    reject("the channel takes answers in threads only"),
	"restricted_action_non_threadable_channel": reject("the channel takes no answers in threads"),
	"restricted_action_thread_locked":          reject("the thread is locked"),
	"team_not_found":                           reject("the other workspace shares no channel with this one any more"),
	"as_user_not_supported":                    reject("Slack does not let the app write here"),
	"user_not_found":                           reject("the person is not in a workspace that the app can reach"),
	"users_not_found":                          reject("the person is not in a workspace that the app can reach"),
	"user_disabled":                            reject("the person's account is deactivated"),
	"user_not_visible":                         reject("the app cannot see this person"),
	"cannot_dm_bot":                            reject("this is a bot; it takes no direct messages from an app"),
	"external_user_not_allowed":                reject("the person is of another workspace, and may be written to only in the channel you share"),
	"not_enough_users":                         reject("there is nobody to write to"),
	"invalid_users":                            reject("the person is not in a workspace that the app can reach"),
	"storage_limit_reached":                    reject("the workspace has no room for files left"),
	"file_upload_size_restricted":              reject("a file is larger than Slack takes"),
	"file_uploads_disabled":                    reject("the workspace does not allow files"),
	"file_uploads_except_images_disabled":      reject("the workspace allows no files but pictures"),
	"file_update_failed":                       retry(time.Minute, "Slack could not store a file; it is tried again"),
	"posting_to_general_channel_denied":        reject("the workspace does not allow the app to post in its general channel"),
	"message_limit_exceeded":                   reject("the workspace has used up the messages of its plan"),
	"ratelimited":                              retry(0, "Slack asks to write more slowly; it is tried again"),
	"rate_limited":                             retry(0, "Slack asks to write more slowly; it is tried again"),
	"team_added_to_org":                        retry(10*time.Minute, "the workspace is being moved into an organisation; it is tried again"),
	"internal_error":                           {words: "Slack reports an error of its own", class: connectors.Unsure},
	"fatal_error":                              {words: "Slack reports an error of its own", class: connectors.Unsure},
	"request_timeout":                          {words: "the request did not reach Slack whole", class: connectors.Unsure},
	"service_unavailable":                      retry(time.Minute, "Slack is not available; it is tried again"),
}

// explain puts a code into words.
func explain(code, needed string) string {
	if code == "missing_scope" && needed != "" {
		return "the app lacks the scope " + needed + "; add it under OAuth & Permissions and install the app again"
	}
	if m, ok := codes[code]; ok {
		return m.words
	}
	return "Slack refuses it: " + code
}

// fault classes a failed call that only reads, or that did nothing yet.
func fault(err error) error {
	var e *apiError
	if !errors.As(err, &e) {
		return err
	}
	se := &connectors.SendError{Class: connectors.Retry, Reason: e.Error(), Code: e.codeText(), After: e.after, Err: e}
	if m, ok := codes[e.code]; ok && m.class == connectors.AccountFault || e.status == http.StatusUnauthorized || e.status == http.StatusForbidden {
		se.Class = connectors.AccountFault
	}
	return se
}

// sendError classes a failed call of Send. committed tells that the call was one
// that lets people see something.
func sendError(err error, committed bool) error {
	var e *apiError
	if !errors.As(err, &e) {
		return &connectors.SendError{Class: connectors.Reject, Reason: err.Error(), Err: err}
	}
	se := &connectors.SendError{Class: connectors.Retry, Reason: e.Error(), Code: e.codeText(), After: e.after, Err: e}
	m, known := codes[e.code]
	switch {
	case e.code == "" && e.status == http.StatusTooManyRequests:
		se.Reason = codes["ratelimited"].words
	case e.code == "" && (e.err != nil || e.status >= 500):
		// An answer that broke off, came late or says that something went wrong
		// at Slack tells nothing of what became of the message.
		if committed && (e.written || e.status != 0) {
			se.Class = connectors.Unsure
			se.Reason = "it is not certain whether Slack took the message: " + e.Error()
		}
	case e.code == "" && e.status >= 300 && e.status < 400:
		se.Class, se.Reason = connectors.AccountFault, "the address of the API forwards elsewhere; check it in the settings"
	case e.code == "" && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden):
		se.Class = connectors.AccountFault
	case known:
		se.Class, se.After = m.class, max(m.after, e.after)
		if se.Class == connectors.Unsure && !committed {
			se.Class = connectors.Retry
		}
	default:
		se.Class = connectors.Reject
	}
	return se
}

func (e *apiError) codeText() string {
	if e.code == "" && e.status != 0 && e.status != http.StatusOK {
		return fmt.Sprintf("HTTP %d", e.status)
	}
	return e.code
}

// stopped tells that an error is only the end of our own context.
func stopped(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }
