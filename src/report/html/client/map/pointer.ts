/** What a pointer does to a map; places in pixels from the left top of the canvas, or from 0 to 1 of the map. */
export interface PointerMoves {
  readonly whole: boolean;
  place(pixel: number): number;
  point(x: number, y: number): void;
  leave(): void;
  select(selection: readonly [number, number] | null): void;
  show(from: number, to: number): void;
  scale(factor: number, around: number): void;
  scroll(share: number): void;
  reset(): void;
}

/** A shorter drag is a click. */
const DRAG = 4;
/** Turn of a wheel that halves or doubles. */
const TURN = 240;

/** Hover tells, a drag zooms to what it covers, a drag with shift moves, the wheel zooms, a double click shows all. */
export function pointerMoves(canvas: HTMLCanvasElement, map: PointerMoves): void {
  let start: number | null = null;
  let moved = 0;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    start = event.offsetX;
    moved = event.offsetX;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (start === null) {
      map.point(event.offsetX, event.offsetY);
      return;
    }
    map.leave();
    if (event.shiftKey) map.scroll((moved - event.offsetX) / canvas.clientWidth);
    else map.select([start, event.offsetX]);
    moved = event.offsetX;
  });
  canvas.addEventListener('pointerup', (event) => {
    if (start === null) return;
    const [from, to] = [Math.min(start, event.offsetX), Math.max(start, event.offsetX)];
    start = null;
    map.select(null);
    if (event.shiftKey || to - from < DRAG) map.point(event.offsetX, event.offsetY);
    else map.show(map.place(from), map.place(to));
  });
  canvas.addEventListener('pointercancel', () => {
    start = null;
    map.select(null);
  });
  canvas.addEventListener('pointerleave', () => map.leave());
  canvas.addEventListener('dblclick', () => map.reset());
  canvas.addEventListener(
    'wheel',
    (event) => {
      // With all on show the page scrolls on.
      if (map.whole && event.deltaY >= 0) return;
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) map.scroll(event.deltaX / canvas.clientWidth);
      else map.scale(2 ** (event.deltaY / TURN), map.place(event.offsetX));
    },
    { passive: false },
  );
}
