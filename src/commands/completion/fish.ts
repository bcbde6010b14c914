import type { CommandModel, OptionModel } from './command-model.ts';
import { placeValues } from './command-model.ts';
import type { Values } from './values.ts';

/** The completion script of fish, 3.1 and later. */
export function fishScript(commands: readonly CommandModel[]): string {
  const [program, ...others] = commands;
  return `# fish completion for pgtrace; load it with: pgtrace completion fish | source

# Whether the command line is that of a command; of none yet when the name is empty.
function __pgtrace_in
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        string match -q -- '-*' $word; and continue
        test "$word" = "$argv[1]"
        return
    end
    test -z "$argv[1]"
end

# NAME[,k=v...] of the models given as NAME, NAME,k=v and NAME,k=
function __pgtrace_models
    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')
    if not string match -q -- '*,*' $token
        string match -v -- '*,*' $argv
        return
    end
    set -l name (string split -m 1 -- , $token)[1]
    set -l head (string replace -r -- ',[^,]*$' '' $token)
    for word in $argv
        if string match -q -- "$name,*" $word
            echo $head,(string split -m 1 -- , $word)[2]
        end
    end
end

# Words with commas between.
function __pgtrace_list
    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l head (string match -r -- '^.*,' $token)
    for word in $argv
        echo "$head$word"
    end
end

complete -c pgtrace -e
complete -c pgtrace -f
${[
  ...others.map(({ name, help }) => `complete -c pgtrace -n '__pgtrace_in ""' -a ${name} -d ${quoted(help)}`),
  ...optionLines(program),
  ...others.flatMap((command) => [...placeLines(command), ...optionLines(command)]),
].join('\n')}
`;
}

function placeLines(command: CommandModel): string[] {
  // fish offers what one of the arguments takes at all of them.
  return command.places.map((_, place) => {
    const values = placeValues(command, place);
    return `complete -c pgtrace -n '__pgtrace_in ${command.name}' ${values.kind === 'files' ? '-F' : `-a ${quoted(wordsOf(values))}`}`;
  });
}

function optionLines({ name, options }: CommandModel): string[] {
  const condition = quoted(name === '' ? '__pgtrace_in ""' : `__pgtrace_in ${name}`);
  return options.map(
    (option) =>
      `complete -c pgtrace -n ${condition} ${namesOf(option)}${taken(option.values)} -d ${quoted(option.help)}`,
  );
}

function namesOf({ names }: OptionModel): string {
  return names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
}

function taken(values: Values | null): string {
  if (values === null) return '';
  if (values.kind === 'files') return ' -r -F';
  return values.kind === 'none' ? ' -x' : ` -x -a ${quoted(wordsOf(values))}`;
}

function wordsOf({ kind, words }: Values): string {
  return kind === 'models' || kind === 'list' ? `(__pgtrace_${kind} ${words.join(' ')})` : words.join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
