// Texts of sign-in, setup, settings, channel health and people.
export const admin = {
  'signin.title': 'Sign in',
  'signin.email': 'Email',
  'signin.password': 'Password',
  'signin.submit': 'Sign in',
  'signin.wrong': 'Email or password is wrong.',
  'signin.entering': 'Signing you in…',
  'signin.linkUsed': 'This sign-in link has been used or has expired.',
} as const
