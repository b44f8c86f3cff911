// Who waits for whom, drawn as a chain of contexts that closes into a circle below.

import { escapeHtml } from '../html/page.ts';
import { shortSource } from './place.ts';
import type { WaitLink } from './wait-cycle.ts';

const NODE_WIDTH = 150;
const NODE_HEIGHT = 46;
const EDGE_WIDTH = 130;
const LEFT = 16;
const TOP = 12;
const BELOW = 46;

/** Empty for an empty cycle. */
export function cycleGraph(cycle: readonly WaitLink[]): string {
  if (cycle.length === 0) return '';
  const pitch = NODE_WIDTH + EDGE_WIDTH;
  const nodes = cycle.map((link, i) => node(link, LEFT + i * pitch));
  const middle = TOP + NODE_HEIGHT / 2;
  const edges = cycle.slice(0, -1).map((link, i) => {
    const x = LEFT + i * pitch + NODE_WIDTH;
    return (
      `<line class="wait" x1="${x}" x2="${x + EDGE_WIDTH - 2}" y1="${middle}" y2="${middle}" marker-end="url(#wait)"/>` +
      `<text class="edge" x="${x + EDGE_WIDTH / 2}" y="${middle - 7}">${edgeText(link)}</text>`
    );
  });
  const width = LEFT + cycle.length * pitch;
  const end = LEFT + (cycle.length - 1) * pitch + NODE_WIDTH * 0.7;
  const start = LEFT + NODE_WIDTH * 0.3;
  const [y, low] = [TOP + NODE_HEIGHT, TOP + NODE_HEIGHT + BELOW - 18];
  const back =
    `<path class="wait" d="M${end} ${y} V${low} H${start} V${y + 2}" marker-end="url(#wait)"/>` +
    `<text class="edge" x="${(start + end) / 2}" y="${low + 14}">${edgeText(cycle[cycle.length - 1])}</text>`;
  const height = TOP + NODE_HEIGHT + BELOW;
  return (
    `<svg class="cycle" style="max-width:${width}px" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="who waits for whom">${ARROW}${[...nodes, ...edges, back].join('')}</svg>`
  );
}

const ARROW =
  '<defs><marker id="wait" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="7" markerHeight="7" ' +
  'orient="auto"><path d="M0 0 L6 3 L0 6 z" class="waithead"/></marker></defs>';

function node({ lane, end, for: what }: WaitLink, x: number): string {
  const place = what === undefined ? undefined : end.calls.find(({ name }) => !/lock/.test(name));
  const source = place?.source === undefined ? '' : shortSource(place.source);
  const below = what === undefined ? 'interrupted' : `${place?.name ?? ''}`;
  const middle = x + NODE_WIDTH / 2;
  return (
    `<g><rect class="node" x="${x}" y="${TOP}" width="${NODE_WIDTH}" height="${NODE_HEIGHT}" rx="6"/>` +
    `<text class="who" x="${middle}" y="${TOP + 19}">${escapeHtml(lane)}</text>` +
    `<text class="where" x="${middle}" y="${TOP + 35}">${escapeHtml(clip(below))}</text>` +
    `<title>${escapeHtml(`${lane}: ${place?.name ?? ''} ${source}`)}</title></g>`
  );
}

const edgeText = ({ for: what }: WaitLink): string =>
  escapeHtml(what === undefined ? 'waits for its handler' : `waits for ${what.name}`);

const clip = (text: string): string => (text.length <= 22 ? text : `${text.slice(0, 21)}…`);
