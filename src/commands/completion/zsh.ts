import type { CommandModel, OptionModel } from './command-model.ts';
import type { Values } from './values.ts';

/** The completion script of zsh: to be sourced behind compinit, or as a file `_pgtrace` in the fpath. */
export function zshScript(commands: readonly CommandModel[]): string {
  const [program, ...others] = commands;
  return `#compdef pgtrace
# zsh completion for pgtrace; load it with: source <(pgtrace completion zsh)

# NAME[,k=v...] of the models given as NAME, NAME,k=v and NAME,k=
_pgtrace_models() {
  local -a words
  local word
  if [[ $PREFIX == *,* ]]; then
    for word in "$@"; do
      [[ $word == \${PREFIX%%,*},* ]] && words+=("\${PREFIX%,*},\${word#*,}")
    done
  else
    words=(\${@:#*,*})
  fi
  compadd -S '' -- \${(M)words:#*=}
  compadd -- \${words:#*=}
}

# Words with commas between.
_pgtrace_list() {
  compset -P '*,'
  compadd -- "$@"
}

_pgtrace() {
  local curcontext=$curcontext state
  local -a line commands
  typeset -A opt_args
  _arguments -C -S \\
${specsOf(program).join(' \\\n')} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      commands=(
${others.map(({ name, help }) => `        ${quoted(`${name}:${help}`)}`).join('\n')}
      )
      _describe -t commands command commands
      ;;
    argument)
      curcontext=\${curcontext%:*:*}:pgtrace-$line[1]:
      case $line[1] in
${others.map(commandCase).join('\n')}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _pgtrace ]]; then
  _pgtrace "$@"
elif (( $+functions[compdef] )); then
  compdef _pgtrace pgtrace
else
  print -u2 'pgtrace: completion needs compinit; put "autoload -Uz compinit && compinit" before it'
fi
`;
}

function commandCase(command: CommandModel): string {
  const specs = [...specsOf(command), ...placesOf(command)].map((spec) => `      ${spec.trimStart()}`);
  return `        ${command.name})
          _arguments -s -S \\
${specs.map((spec) => `      ${spec}`).join(' \\\n')}
          ;;`;
}

function specsOf({ options }: CommandModel): string[] {
  return options.flatMap(({ names, values, help }) =>
    names.map(
      (name) =>
        `    ${quoted(`${guard(names, values)}${name}${suffix(name, values)}[${escaped(help)}]${taken(values)}`)}`,
    ),
  );
}

/** An option without a value makes sense once. Which of the others may come several times is said when one did. */
function guard(names: OptionModel['names'], values: Values | null): string {
  return values === null ? `(${names.join(' ')})` : '*';
}

/** A value follows a letter at once or as the next word, and a long name behind = or as the next word. */
function suffix(name: string, values: Values | null): string {
  return values === null ? '' : name.startsWith('--') ? '=' : '+';
}

function taken(values: Values | null): string {
  return values === null ? '' : `:value:${actionOf(values)}`;
}

function placesOf({ places, more }: CommandModel): string[] {
  return places.map((values, place) => {
    const where = more && place === places.length - 1 ? '*' : String(place + 1);
    return quoted(`${where}:argument:${actionOf(values)}`);
  });
}

function actionOf({ kind, words }: Values): string {
  if (kind === 'files') return '_files';
  if (kind === 'none') return ' ';
  if (kind === 'words') return `(${words.join(' ')})`;
  return ` _pgtrace_${kind} ${words.join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function escaped(help: string): string {
  return help.replace(/[\\[\]:]/g, '\\$&');
}
