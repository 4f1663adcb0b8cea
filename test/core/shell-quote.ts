import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { Json } from '../../lib/core/json.js'
import { fillScript, type Hole, quoteWord } from '../../lib/core/shell-quote.js'

const hole = (value: Json, text = '${x}'): Hole => ({ value, text, bad: problem => new Error(problem) })

/** The script with `@` for the value. */
const fill = (script: string, value: Json, shell?: string): string =>
  fillScript(
    script.split(/(@)/).map(part => (part === '@' ? hole(value) : part)),
    shell,
  )

const shells = ['sh', 'bash', 'dash', 'zsh', 'ksh', 'busybox'].filter(
  name => existsSync(`/bin/${name}`) || existsSync(`/usr/bin/${name}`),
)
const run = (shell: string, script: string, cwd: string): string =>
  execFileSync(shell, shell === 'busybox' ? ['sh', '-c', script] : ['-c', script], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: '/nowhere', x: 'wrong' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })

// Each prints the value between brackets, wherever it stands.
const places = [
  'printf "[%s]" @',
  "printf '[%s]' @",
  'printf "[%s]" "@"',
  "printf '[%s]' '@'",
  "printf '[%s]' ''@''",
  'printf "[%s]" ""@""',
  'printf "[%s]" "$(printf %s. @)"',
  'printf "[%s]" "$(printf %s. "@")"',
  "printf '[%s]' \"$(printf %s. '@')\"",
  "printf '[%s]' \"$(printf '%s' \"$(printf %s. '@')\")\"",
  "echo it\\'s >/dev/null; printf '[%s]' '@'",
  "echo \"it's\" >/dev/null; printf '[%s]' '@'",
  'echo \'a "quote\' >/dev/null; printf "[%s]" "@"',
  "echo a # it's \"one\n printf '[%s]' @",
  "echo a#b >/dev/null; printf '[%s]' '@'",
  "echo $# >/dev/null; printf '[%s]' '@'",
  "echo ${x#*/} >/dev/null; printf '[%s]' '@'",
  "echo ${x} >/dev/null; printf '[%s]' @",
  "true \\\n# it's\nprintf '[%s]' '@'",
  "case a in a) printf '[%s]' '@';; esac",
  "(printf '[%s]' '@')",
  "y='@'; printf '[%s]' \"$y\"",
  'y=@; printf "[%s]" "$y"',
  'for y in @; do printf \'[%s]\' "$y"; done',
  "printf '[%s]' '@' 3>/dev/null",
  "printf '[%s]' @>&1",
  "printf '[%s]' $((1))@ | sed 's/1//'",
  'printf \'[%s]\' "\\"@\\"" | tr -d \'"\'',
  "if true; then printf '[%s]' @; fi # don't",
]

const nasty = [
  '',
  ' ',
  "'",
  '"',
  '\\',
  '$',
  '`',
  '$x',
  '${x}',
  '$(touch made)',
  '`touch made`',
  "';touch made;'",
  '";touch made;"',
  '!',
  '!!',
  '~',
  '~root',
  '*',
  '?',
  '[a]',
  '{a,b}',
  '1..3',
  '#',
  '#a',
  'a b',
  'a\tb',
  'a;b',
  'a&b',
  'a|b',
  '>made',
  '<made',
  '2',
  '-n',
  '--',
  '%s',
  '=',
  'a=b',
  '=ls',
  'if',
  'done',
  'time',
  '\\n',
  '\\\\',
  "\\'",
  '\\"',
  'é',
  '日本',
  '😀',
  "$'a'",
  '(',
  ')',
  ';;',
  '\u007f',
  'a,b',
  '^',
  '@',
  '%1',
  '+',
]

const value = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ maxLength: 8, unit: fc.constantFrom(...'ab1\'"\\$`!*?#~ ;&|<>(){}[]=,.:-\t/@%+^') }),
  fc.string({ maxLength: 8, unit: 'binary' }).filter(text => !text.includes('\0') && text.isWellFormed()),
)

t.test('what the shell sees is the value, wherever it stands', async t => {
  const cwd = t.testdir({})
  for (const shell of shells) {
    // Many at once: a shell a value would take minutes.
    const batch = fc.array(fc.tuple(fc.constantFrom(...places), value), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(batch, pairs => {
        const scripts = pairs.map(([place, value]) => `(\n${fill(place, value)}\n)\nprintf '\\000'`)
        const seen = run(shell, scripts.join('\n'), cwd).split('\0')
        for (const [i, [place, value]] of pairs.entries()) {
          const text = (seen[i] ?? '').replace(/^a\n/, '')
          // What tidies up after itself cannot be told from a value of the same letters.
          const tidied = place.includes('sed ')
            ? value.replace('1', '') === value
            : !place.includes('tr -d') || !value.includes('"')
          const dotted = place.includes('%s.') ? `[${value}.]` : `[${value}]`
          if (tidied) assert.equal(text, dotted, `${shell}: ${place} with ${JSON.stringify(value)}`)
        }
      }),
      { numRuns: 25 },
    )
    t.pass(shell)
  }
  t.same(readdirSync(cwd), [], 'and nothing was run')
})

t.test('every nasty value in every place', async t => {
  const cwd = t.testdir({})
  const shell = shells.includes('dash') ? 'dash' : 'sh'
  for (const place of places.filter(place => !/sed |tr -d/.test(place))) {
    const scripts = nasty.map(value => `(\n${fill(place, value)}\n)\nprintf '\\000'`)
    const seen = run(shell, scripts.join('\n'), cwd).split('\0')
    const expected = nasty.map(value => (place.includes('%s.') ? `[${value}.]` : `[${value}]`))
    t.same(
      seen.slice(0, -1).map(text => text.replace(/^a\n/, '')),
      expected,
      place,
    )
  }
  t.same(readdirSync(cwd), [])
})

t.test('values as they are written', async t => {
  const cases: readonly (readonly [string, Json, string])[] = [
    ['run @', 'plain-1.0/x_y:z', 'run plain-1.0/x_y:z'],
    ['run @', 'a b', "run 'a b'"],
    ['run @', "it's", "run 'it'\\''s'"],
    ['run "@"', 'a "$b" `c` \\', 'run "a \\"\\$b\\" \\`c\\` \\\\"'],
    ["run '@'", "it's", "run 'it'\\''s'"],
    ['run @', '', "run ''"],
    ['run "@"', '', 'run ""'],
    ['run @', 0.5, 'run 0.5'],
    ['run @', true, 'run true'],
    ['run @>out', 2, "run '2'>out"],
    ['run @1>out', 2, "run '2'1>out"],
    ['@', 'if', "'if'"],
    ['run @', ['a', 'b c', 1], "run a 'b c' 1"],
    ['run @', [], 'run '],
    ['run @', { lr: 0.1, name: 'a b', on: true, off: false, none: null }, "run --lr 0.1 --name 'a b' --on"],
    ['run @', { list: [1, 'b c'], empty: [], deep: { a: { b: 1 } } }, "run --list 1 'b c' --deep.a.b 1"],
    ['run # not @', 'a b', 'run # not ${x}'],
    ['cat <<E\n@\nE', 'plain', 'cat <<E\nplain\nE'],
    ['echo `run @`', 3, 'echo `run 3`'],
    ['echo $((@ + 1))', 3, 'echo $((3 + 1))'],
    ['echo $((1 + 1)) @', 'a b', "echo $((1 + 1)) 'a b'"],
    ['[[ -f @ ]] || [ -f @ ]', 'a b', "[[ -f 'a b' ]] || [ -f 'a b' ]"],
    ['ls a[0-9].csv @', 'a b', "ls a[0-9].csv 'a b'"],
    ['cat <<< @', 'a b', "cat <<< 'a b'"],
  ]
  for (const [script, value, expected] of cases) t.equal(fill(script, value), expected)
  t.equal(fill('print(@)', 3, 'python3'), 'print(3)')
  t.equal(fill('run @', 'a b', '/usr/bin/bash'), "run 'a b'")
  t.equal(quoteWord('a b'), "'a b'")
})

t.test('places where a value cannot stand', async t => {
  const cases: readonly (readonly [string, Json, string, string?])[] = [
    ['cat <<E\n@\nE', 'a b', 'cannot be quoted for certain'],
    ['echo `run @`', 'a b', 'cannot be quoted for certain'],
    ["echo $'@'", 'a b', 'cannot be quoted for certain'],
    ['echo ${y:-@}', 'a b', 'cannot be quoted for certain'],
    ["echo \"${y:-'}\" '@'", "'", 'cannot be quoted for certain'],
    ['echo "$(case a in a) echo \'@\';; esac)"', "'", 'cannot be quoted for certain'],
    ["echo $(ls # it's\n) '@'", "'", 'cannot be quoted for certain'],
    ['echo $(((1))) @', 'a b', 'cannot be quoted for certain'],
    ['echo $((@ + 1))', '$(x)', 'cannot be quoted for certain'],
    ['((y = @))', '$(x)', 'cannot be quoted for certain'],
    ['echo $[@]', '$(x)', 'cannot be quoted for certain'],
    ['y[@]=1', '$(x)', 'cannot be quoted for certain'],
    ['print("@")', 'a b', 'cannot be quoted for certain', 'python3'],
    ['echo $@', 'a', "stands behind a '$'"],
    ['echo "$@"', 'a', "stands behind a '$'"],
    ['cat <<E\n$@\nE', 'a', "stands behind a '$'"],
    ['echo \\@', 'a b', "stands behind a '$'"],
    ['echo "@"', ['a'], 'is a list, which cannot stand inside quotes'],
    ["echo '@'", { a: 1 }, 'is a map, which cannot stand inside quotes'],
    ['echo @', null, 'has no value'],
    ['echo @', [['a']], 'is a list with more than texts in it'],
    ['echo @', [null], 'is a list with nothing in it'],
    ['echo @', 'a\0b', 'holds a NUL'],
  ]
  for (const [script, value, problem, shell] of cases)
    t.throws(() => fill(script, value, shell), new RegExp(problem.replace(/[$]/g, '\\$&')), script)
})
