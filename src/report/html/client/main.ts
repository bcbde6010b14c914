import { MapView } from './map/map-view.ts';
import { Space } from './map/space.ts';
import { Page } from './page.ts';
import { themeSwitch } from './theme.ts';
import { Timeline } from './timeline/timeline.ts';

/** Fills the places that the page has left for the script, each named by the document and what belongs there. */
function start(): void {
  const data = document.getElementById('page-data')?.textContent;
  if (data === null || data === undefined) return;
  const page = new Page(data);
  const timelines = new Map<string, Timeline>();
  const place = document.getElementById('switches');
  if (place !== null) themeSwitch(place);
  page.data.documents.forEach((data, at) => {
    const charts = document.getElementById(`charts-${at + 1}`);
    if (charts !== null && data.runs.length > 0) {
      timelines.set(String(at + 1), new Timeline(charts, data, page, `timeline-${at + 1}`));
    }
    data.maps.forEach((map, nth) => {
      const frame = document.getElementById(`map-${at + 1}-${nth + 1}`);
      if (frame !== null) whenSeen(frame, () => new MapView(frame, new Space(map, page)));
    });
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('a[data-event]') : null;
    const timeline = timelines.get(link?.dataset['document'] ?? '');
    if (link === null || timeline === undefined) return;
    event.preventDefault();
    timeline.jump(Number(link.dataset['event']), link.dataset['run'] ?? null);
  });
}

/** Does something once an element is no longer inside a closed part of the page. */
function whenSeen(place: HTMLElement, action: () => void): void {
  const closed = place.closest<HTMLDetailsElement>('details:not([open])');
  if (closed === null) action();
  else closed.addEventListener('toggle', () => whenSeen(place, action), { once: true });
}

start();
