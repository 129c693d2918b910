import { describe, expect, it } from 'vitest'
import { clean, fromText, fromWire, isEmpty, lineHTML, mentionHTML, mentionQuery, plainText, safeHref, toText, toWire } from './html'

describe('clean', () => {
  it.each([
    ['keeps the subset', '<p>a <b>b</b> <i>c</i><br><a href="https://example.org/">d</a></p><ul><li>e</li></ul><blockquote>f</blockquote>', '<p>a <b>b</b> <i>c</i><br><a href="https://example.org/">d</a></p><ul><li>e</li></ul><blockquote>f</blockquote>'],
    ['scripts and handlers', '<p onclick="x()">a<script>alert(1)</script><img src=x onerror=alert(1)></p>', '<p>a</p>'],
    ['script in svg', '<svg><script>alert(1)</script></svg>b', 'b'],
    ['javascript links', '<a href="javascript:alert(1)">a</a><a href=" JaVaScRiPt:alert(1)">b</a><a href="data:text/html,x">c</a>', 'abc'],
    ['frames and forms', '<iframe src="https://example.org"></iframe><form><input value=x>text</form>', 'text'],
    ['styles and classes', '<style>p{}</style><p class="x" style="color:red">a</p>', '<p>a</p>'],
    ['tracking pixels', 'a<img src="https://example.org/p.gif">b', 'ab'],
    ['entities stay text', '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>', '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>'],
    ['quotes in attributes', '<a href="https://example.org/?a=&quot;b">x</a>', '<a href="https://example.org/?a=&quot;b">x</a>'],
    ['a word processor', '<b style="font-weight:normal"><span style="font-weight:700">bold</span> <span style="font-style:italic">it</span></b>', '<b>bold</b> <i>it</i>'],
    ['styles that only look like those', "<i style='mso-bidi-font-style:normal'>it</i> <b style='mso-bidi-font-weight:normal'>b</b>", '<i>it</i> <b>b</b>'],
    [
      'lists of a word processor',
      `<p>a</p><p class=MsoListParagraph style='mso-list:l0 level1 lfo1'><![if !supportLists]><span style='font-family:Symbol'>·<span>&nbsp;&nbsp; </span></span><![endif]>one</p><p style='mso-list:l0 level1 lfo1'><span>·&nbsp;</span><b>two</b></p><p style='mso-list:l1 level1 lfo2'>1.&nbsp;three</p>`,
      '<p>a</p><ul><li>one</li><li><b>two</b></li></ul><ol><li>three</li></ol>',
    ],
    ['headings and nested blocks', '<div><h2>T</h2><div><div>a</div></div></div>', '<p><b>T</b></p><p>a</p>'],
    ['tables', '<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', '<p>a b</p><p>c</p>'],
    ['white space of the source', '<p>a\n   b</p>\n\n<p>c</p>', '<p>a b</p> <p>c</p>'],
    ['preformatted lines', '<pre>a\nb</pre>', '<p>a<br>b</p>'],
    ['own inline images', '<img src="/api/blobs/ab/x.png" data-cid="c1" alt="x">', '<img src="/api/blobs/ab/x.png" data-cid="c1" alt="x">'],
    ['foreign images dressed as own', '<img src="https://example.org/api/blobs/x" data-cid="c">', ''],
    ['list items in paragraphs', '<ol><li><p>a</p></li><li>b</li></ol>', '<ol><li>a</li><li>b</li></ol>'],
    ['Persian and Thai', '<p dir="rtl">سلام <b>دنیا</b></p><p>สวัสดี</p>', '<p>سلام <b>دنیا</b></p><p>สวัสดี</p>'],
  ])('%s', (_, html, want) => expect(clean(html)).toBe(want))

  it('has no effect the second time', () => {
    const once = clean('<div><b>a</b><ul><li>x<br>y</li></ul><script>1</script></div><p>z</p>')
    expect(clean(once)).toBe(once)
  })
  // Not deeper: the parser of the tests takes time with the square of the depth.
  it.each(['div', 'blockquote', 'b'])('takes the text out of <%s> that is nested too deep', (tag) => {
    const out = clean(`<${tag}>`.repeat(300) + 'deep' + `</${tag}>`.repeat(300))
    expect(toText(out)).toBe('deep')
    expect(out.split(`<${tag}>`).length).toBeLessThan(70)
  })
})

describe('text', () => {
  it('becomes paragraphs and comes back', () => {
    expect(fromText('a\nb\r\n\r\nc <d>')).toBe('<p>a<br>b</p><p>c &lt;d&gt;</p>')
    expect(toText('<p>a<br>b</p><p>c &lt;d&gt;</p><ul><li>e</li></ul>')).toBe('a\nb\nc <d>\n- e')
  })
  it.each([
    ['', true],
    ['<p><br></p>', true],
    ['<p>&nbsp;</p>', true],
    ['<p>a</p>', false],
    ['<img src="cid:x" alt="">', false],
  ])('isEmpty %s', (html, want) => expect(isEmpty(html)).toBe(want))
  it('allows only harmless links', () => {
    expect(['https://a.example', 'mailto:a@example.org', 'tel:+1555', '//a.example', 'vbscript:x', 'x'].map(safeHref)).toEqual(['https://a.example', 'mailto:a@example.org', 'tel:+1555', '', '', ''])
  })
})

describe('inline images', () => {
  const file = { name: 'x.png', content_type: 'image/png', size: 1, inline: true, content_id: 'c1', blob: 'ab', url: '/api/blobs/ab/x.png' }
  const edited = '<p>a <img src="/api/blobs/ab/x.png" data-cid="c1" alt="x.png"></p>'
  it('go out by content ID and come back by address', () => {
    expect(toWire(edited)).toBe('<p>a <img src="cid:c1" alt="x.png"></p>')
    expect(fromWire(toWire(edited), [file])).toBe(edited)
  })
  it('leave no style of the page behind', () => {
    expect(toWire('<p>a<span style="color: rgb(20, 23, 29)">b</span> <img src="/api/blobs/ab/x.png" data-cid="c1" alt="x.png" style="color: red"></p>')).toBe('<p>ab <img src="cid:c1" alt="x.png"></p>')
  })
  it('vanish when their file is gone', () => {
    expect(fromWire(toWire(edited), [])).toBe('<p>a </p>')
  })
})

describe('plain text as it is sent', () => {
  it.each([
    ['<p>a</p><p>b</p>', 'a\nb'],
    ['<p>a<br>b</p><p><br></p><p>c</p>', 'a\nb\n\nc'],
    ['<p>two\u00a0 blanks \u00ad</p>', 'two blanks'],
    ['<ul><li>x</li><li>y</li></ul>', '- x\n- y'],
    ['<p>see <a href="https://example.org/a">here</a></p>', 'see here <https://example.org/a>'],
    ['<p><a href="https://example.org/">example.org/</a></p>', 'example.org/'],
  ])('%s', (html, want) => expect(plainText(html)).toBe(want))
  it('goes out line by line', () => {
    expect(lineHTML('a <b>\n\nc')).toBe('<p>a &lt;b&gt;<br><br>c</p>')
    expect(lineHTML('')).toBe('')
  })
})

describe('people who are named', () => {
  it('stay one piece', () => {
    const named = mentionHTML('slack:T1/U2', 'Ann <b>')
    expect(clean(`<p>Hello ${named} there</p>`)).toBe(`<p>Hello ${named} there</p>`)
  })
  it.each(['<span data-mention="javascript:alert(1)//()">@x</span>', '<span data-mention="slack:T1/U2">no name</span>', '<span>@x</span>'])('%s is only words', (html) =>
    expect(clean(html)).not.toContain('data-mention'),
  )
  it.each([
    ['@', ''],
    ['Hello @An', 'An'],
    ['سلام @رض', 'رض'],
    ['(@Ann Ex', 'Ann Ex'],
    ['ann@example', undefined],
    ['@one two three four five', undefined],
    ['', undefined],
  ])('%s is asked as %s', (text, want) => expect(mentionQuery(text)).toBe(want))
})
