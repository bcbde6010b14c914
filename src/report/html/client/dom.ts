/** Makes an element with a class and what is in it; texts go in as texts. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** A button with a caption, what it is for, and what it does. */
export function button(caption: string, title: string, action: () => void): HTMLButtonElement {
  const made = element('button', '', caption);
  made.type = 'button';
  made.title = title;
  // The caption begins the name, as people who speak to their browser expect.
  if (title !== caption) made.setAttribute('aria-label', caption.length > 2 ? `${caption}: ${title}` : title);
  made.addEventListener('click', action);
  return made;
}

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly text: string;
}

/** A labelled list of choices; `chosen` is called with the value whenever another is taken. */
export function choices<Value extends string>(
  label: string,
  items: readonly Choice<Value>[],
  chosen: (value: Value) => void,
): { readonly root: HTMLLabelElement; readonly set: (value: Value) => void } {
  const list = element('select', '');
  for (const { value, text } of items) list.append(new Option(text, value));
  list.addEventListener('change', () => chosen(list.value as Value));
  return {
    root: element('label', 'choice', `${label} `, list),
    set: (value) => {
      list.value = value;
    },
  };
}
