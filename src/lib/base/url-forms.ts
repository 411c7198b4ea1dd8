/**
 * A value in a URL or a form, as the usual libraries encode it, with the escapes in capitals (RFC 3986, 2.1) or in small
 * letters. They differ in the characters that they leave as they are.
 */
export function urlForms(value: string): string[] {
  const text = value.toWellFormed()
  const component = encodeURIComponent(text)
  const all = component.replace(/[^%A-Za-z0-9]/g, percent)
  const encoded = KEPT.map(kept =>
    all.replace(ESCAPE_OF_ASCII, escape => {
      const unit = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
      return kept.includes(unit) ? unit : escape
    }),
  )
  const plus = encoded.slice(0, FORMS).map(form => form.replaceAll('%20', '+'))
  return [component, ...encoded, ...plus].flatMap(form => [
    form,
    form.replace(/%[0-9A-F]{2}/g, escape => escape.toLowerCase()),
  ])
}

const KEPT = [
  // RFC 3986: unreserved, and the query of Go and Python; then the forms of browsers and Java.
  '-_.~',
  '-_.*',
  // Python's urllib.parse.quote
  '-_.~/',
  // JavaScript's encodeURIComponent (above) and encodeURI
  "-_.~!'()*;/?:@&=+$,#",
  // Go's net/url: PathEscape, the path of a URL, and what UserPassword gives
  '-_.~$&+:=@',
  '-_.~$&+,/:;=@',
  '-_.~$&+,;=',
  // The URL standard, and so Node: the user and password, the path, and the query
  "-_.~!$%&'()*+,",
  "-_.~!$%&'()*+,/:;=@[\\]|",
  "-_.~!$%&'()*+,/:;=@[\\]|^",
  '-_.~!$%&()*+,/:;=@[\\]|^`{}?',
  "-_.~!$%&'()*+,/:;=@[\\]|^`{}?",
] as const
/** So many of them, from the first on, write a space as `+`, too. */
const FORMS = 2

const ESCAPE_OF_ASCII = /%[2-7][0-9A-F]/g

function percent(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase()}`
}
