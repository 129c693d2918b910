// Runs before the first paint so that theme, language and direction do not flash.
// The values are copies; the server's preferences are the truth (lib/session).
;(function () {
  var root = document.documentElement
  try {
    var theme = localStorage.getItem('theme')
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
    var lang = localStorage.getItem('language')
    if (lang) {
      root.lang = lang
      root.dir = lang === 'fa' ? 'rtl' : 'ltr'
    }
  } catch (e) {
    // Storage may be forbidden; then the system's settings apply.
  }
})()
