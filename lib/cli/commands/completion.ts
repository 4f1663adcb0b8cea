import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import { type Command, defineCommand } from '../command.js'

/** `commands` is asked when it runs: the table holds this command too. */
export const defineCompletion = (commands: () => readonly Command[]): Command =>
  defineCommand({
    usage: 'completion <shell>',
    describe: 'print a script by which the shell completes commands and flags',
    positionals: { shell: { type: 'string', demandOption: true, describe: 'bash or zsh' } },
    example: ['eval "$(ddv completion bash)"', 'in ~/.bashrc; likewise for zsh in ~/.zshrc, after compinit'],
    run: async ({ shell }, context) => {
      const { bashScript, zshScript } = await import('../completion-script.js')
      const script = shell === 'bash' ? bashScript : shell === 'zsh' ? zshScript : undefined
      if (script === undefined)
        throw new DdvError('usage', `no completion for this shell: ${displayPath(shell)}`, { hint: 'bash or zsh' })
      context.print(script(commands()))
    },
  })
