import fc from 'fast-check'
import t from 'tap'
import type { Json } from '../../lib/core/json.js'
import { fillText, fillValue, isWholeTemplate, parseTemplates } from '../../lib/core/template.js'

const bad = (problem: string, hint?: string): Error => new Error(hint === undefined ? problem : `${problem}; ${hint}`)
const values = {
  a: { b: [{ c: 1 }, 'x'], name: 'it', 'two words': 2, 'with-dash': 3, off: false, none: null },
  n: 5,
  list: ['p', 'q'],
}
const scope = [{ item: { n: 'inner' }, key: 'k' }, values]

t.test('values', async t => {
  const cases: readonly (readonly [string, Json])[] = [
    ['${n}', 5],
    ['${ n }', 5],
    ['n=${n}', 'n=5'],
    ['${a.b[0].c}', 1],
    ['${a.b[1]}', 'x'],
    ['${a.b.1}', 'x'],
    ['${a[name]}', 'it'],
    ['${a.two words}', 2],
    ['${a.with-dash}', 3],
    ['${a.off}', false],
    ['${a.off}!', 'false!'],
    ['${list}', ['p', 'q']],
    ['${item.n}-${key}', 'inner-k'],
    ['\\${n}', '${n}'],
    ['\\${n} ${n}', '${n} 5'],
    ['\\\\${n}', '\\${n}'],
    ['$n ${n}$', '$n 5$'],
    ['${n}${n}', '55'],
    ['none', 'none'],
    ['', ''],
  ]
  for (const [text, expected] of cases) t.same(fillValue(text, scope, bad), expected, text)
})

t.test('problems', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['${lst}', "unknown name 'lst' in '${lst}'; did you mean '${list}'?"],
    ['${a.nmae}', "unknown name 'a.nmae' in '${a.nmae}'; did you mean '${a.name}'?"],
    ['${a.b[7]}', "unknown name 'a.b.7' in '${a.b[7]}'; a '\\$' in place of '$' leaves it to the shell"],
    ['${constructor}', "unknown name 'constructor' in '${constructor}'"],
    ['${a.constructor}', "unknown name 'a.constructor'"],
    ['${n.x}', "unknown name 'n.x'"],
    ['${list.length}', "unknown name 'list.length'"],
    ['${}', "'${}' names nothing"],
    ['${n:-1}', "'${n:-1}' is no template; write '\\${n:-1}' for the shell's own"],
    ['${.n}', 'is no template'],
    ['${a..b}', 'is no template'],
    ['${[0]}', 'is no template'],
    ['${n', "'${n' has no end; write '\\${' for the shell's own"],
    ['${n\n}', 'has no end'],
    ['x ${list}', "'${list}' is a list where a text belongs"],
    ['x ${a}', "'${a}' is a map where a text belongs"],
    ['x ${a.none}', "'${a.none}' has no value"],
  ]
  for (const [text, message] of cases)
    t.throws(
      () => fillValue(text, scope, bad),
      { message: new RegExp(message.replace(/[$^.*+?()[\]{}|\\]/g, '\\$&')) },
      text,
    )
})

t.test('what is not a template stays, and what is escaped comes back', async t => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab$\\ .-"\n') }), text => fillText(text, scope, bad) === text),
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab${}\\ .-"\n') }), text => {
      const escaped = text.replaceAll('${', '\\${')
      return fillText(escaped, scope, bad) === text
    }),
  )
  t.same(parseTemplates('a${n}b', bad), ['a', { text: '${n}', path: ['n'] }, 'b'])
  t.ok(isWholeTemplate('${a.b}'))
  t.notOk(isWholeTemplate('${a}${b}'))
  t.notOk(isWholeTemplate('\\${a}'))
})

t.test('values are never templates again', async t => t.equal(fillText('${x}', [{ x: '${n}' }, values], bad), '${n}'))
