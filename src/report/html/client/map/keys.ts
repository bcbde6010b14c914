/** What keys do to a map. */
export interface KeyMoves {
  step(by: number, byRun: boolean): void;
  stepLane(by: number): void;
  first(last: boolean): void;
  scale(factor: number): void;
  scroll(share: number): void;
  enter(): void;
  reset(): void;
}

/**
 * Left and right go from entry to entry, with shift from run to run; up and down to other rows; + and - zoom; enter shows what
 * is picked at full width; page up and down scroll; home and end; 0 and escape show all.
 */
export function mapKeys(map: KeyMoves): (event: KeyboardEvent) => void {
  const moves: Readonly<Record<string, (shift: boolean) => void>> = {
    ArrowLeft: (shift) => map.step(-1, shift),
    ArrowRight: (shift) => map.step(1, shift),
    ArrowUp: () => map.stepLane(-1),
    ArrowDown: () => map.stepLane(1),
    Home: () => map.first(false),
    End: () => map.first(true),
    PageUp: () => map.scroll(-0.5),
    PageDown: () => map.scroll(0.5),
    '+': () => map.scale(0.5),
    '=': () => map.scale(0.5),
    '-': () => map.scale(2),
    Enter: () => map.enter(),
    '0': () => map.reset(),
    Escape: () => map.reset(),
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key](event.shiftKey);
  };
}
