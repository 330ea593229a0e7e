import { formatTraceParent, newTraceId, parseTraceParent } from './trace-parent';

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';

test('a traceparent says the trace, its parent and whether it is recorded', () => {
  const header = `00-${trace}-${span}-01`;
  expect(parseTraceParent(header)).toEqual({ traceId: trace, spanId: span, sampled: true });
  expect(formatTraceParent(parseTraceParent(header)!)).toBe(header);
  expect(parseTraceParent(`00-${trace}-${span}-00`)?.sampled).toBe(false);
  // A later version may say more (3.2.4).
  expect(parseTraceParent(`01-${trace}-${span}-01-more`)?.traceId).toBe(trace);
});

test.each([
  undefined,
  null,
  '',
  'x',
  `ff-${trace}-${span}-01`,
  `00-${'0'.repeat(32)}-${span}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `00-${trace.toUpperCase()}-${span}-01`,
  `00-${trace}-${span}-01-more`,
  `00-${trace}-${span}`,
])('%s is none', (header) => {
  expect(parseTraceParent(header)).toBeUndefined();
});

test('ids of traces are 32 digits, and never the same', () => {
  const ids = Array.from({ length: 1000 }, newTraceId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});
