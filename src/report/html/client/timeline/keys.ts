/** What keys do to a timeline. */
export interface TimelineMoves {
  step(buckets: number): void;
  scale(factor: number): void;
  scroll(share: number): void;
  reset(): void;
}

const FAR = Number.MAX_SAFE_INTEGER;

/** Arrows move the cursor, with shift by ten; + and - zoom; page up and down scroll; home and end; 0 and escape show all. */
export function timelineKeys(timeline: TimelineMoves): (event: KeyboardEvent) => void {
  const moves: Readonly<Record<string, (by: number) => void>> = {
    ArrowLeft: (by) => timeline.step(-by),
    ArrowRight: (by) => timeline.step(by),
    Home: () => timeline.step(-FAR),
    End: () => timeline.step(FAR),
    PageUp: () => timeline.scroll(-0.5),
    PageDown: () => timeline.scroll(0.5),
    '+': () => timeline.scale(0.5),
    '=': () => timeline.scale(0.5),
    '-': () => timeline.scale(2),
    '0': () => timeline.reset(),
    Escape: () => timeline.reset(),
  };
  return (event) => {
    // Buttons of the legend have keys of their own.
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (move === undefined) return;
    event.preventDefault();
    move(event.shiftKey ? 10 : 1);
  };
}
