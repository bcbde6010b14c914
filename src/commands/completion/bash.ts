import type { CommandModel } from './command-model.ts';
import type { Values } from './values.ts';

/**
 * The completion script of bash, 3.2 and later. It needs no other package, runs nothing of what was typed, and leaves file
 * names to readline, which knows best how to quote them.
 */
export function bashScript(commands: readonly CommandModel[]): string {
  return `# bash completion for pgtrace; load it with: source <(pgtrace completion bash)

# Sets kind and words for the value of an option: "COMMAND OPTION". Fails when it takes none.
_pgtrace_value() {
  case "$1" in
${optionCases(commands)}
    *) return 1 ;;
  esac
}

# Sets kind and words for an argument: "COMMAND PLACE".
_pgtrace_argument() {
  case "$1" in
${argumentCases(commands)}
    *) kind=none ;;
  esac
}

# Sets words to the options of a command.
_pgtrace_options() {
  case "$1" in
${commands.map(({ name, options }) => `    '${name}') words='${options.flatMap(({ names }) => names).join(' ')}' ;;`).join('\n')}
  esac
}

_pgtrace() {
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} current='' text word head=''
  local command='' option='' plain='' kind='' words='' place=0 i
  local -a before
  COMPREPLY=()
  read -rd '' -a before <<< "$line"
  if [[ $line != *[[:space:]] ]]; then
    i=$((\${#before[@]} - 1))
    current=\${before[i]}
    unset "before[$i]"
  fi
  for ((i = 1; i < \${#before[@]}; i++)); do
    word=\${before[i]}
    if [[ -n $option ]]; then
      option=''
    elif [[ -z $plain && $word == -- ]]; then
      plain=yes
    elif [[ -z $plain && $word == -?* ]]; then
      if [[ $word != *=* ]] && _pgtrace_value "$command $word"; then option=$word; fi
    elif [[ -z $command ]]; then
      command=$word
    else
      place=$((place + 1))
    fi
  done
  text=$current kind='' words=''
  if [[ -n $option ]]; then
    _pgtrace_value "$command $option"
  elif [[ -z $plain && $current == --*=* ]]; then
    text=\${current#*=}
    _pgtrace_value "$command \${current%%=*}" || kind=none
  elif [[ -z $plain && $current == -?* || $current == - ]]; then
    kind=words
    _pgtrace_options "$command"
  else
    _pgtrace_argument "$command $place"
  fi
  [[ $kind == files ]] && return
  compopt +o default +o bashdefault 2> /dev/null
  if [[ $kind == models || $kind == list ]]; then
    [[ $text == *,* ]] && head=\${text%,*},
  fi
  for word in $words; do
    if [[ $kind == models && -n $head ]]; then
      [[ $word == "\${text%%,*}",* ]] || continue
      word=\${word#*,}
    elif [[ $kind == models && $word == *,* ]]; then
      continue
    fi
    word=$head$word
    [[ $word == "$text"* ]] || continue
    # readline replaces what follows the last "=".
    word=\${current%"$text"}$word
    [[ $COMP_WORDBREAKS == *=* ]] && word=\${word#"\${current%"\${current##*=}"}"}
    COMPREPLY+=("$word")
  done
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
  return 0
}

complete -o bashdefault -o default -F _pgtrace pgtrace
`;
}

function optionCases(commands: readonly CommandModel[]): string {
  const cases = new Map<string, string[]>();
  for (const { name, options } of commands) {
    for (const { names, values } of options) {
      if (values === null) continue;
      const action = actionOf(values);
      cases.set(action, [...(cases.get(action) ?? []), ...names.map((option) => `'${name} ${option}'`)]);
    }
  }
  return casesText(cases);
}

function argumentCases(commands: readonly CommandModel[]): string {
  const cases = new Map<string, string[]>();
  for (const { name, places, more } of commands) {
    places.forEach((values, place) => {
      const action = actionOf(values);
      const pattern = more && place === places.length - 1 ? `'${name} '*` : `'${name} ${place}'`;
      cases.set(action, [...(cases.get(action) ?? []), pattern]);
    });
  }
  return casesText(cases);
}

function actionOf({ kind, words }: Values): string {
  return words.length === 0 ? `kind=${kind}` : `kind=${kind} words='${words.join(' ')}'`;
}

function casesText(cases: ReadonlyMap<string, readonly string[]>): string {
  return [...cases].map(([action, patterns]) => `    ${patterns.join(' | ')}) ${action} ;;`).join('\n');
}
