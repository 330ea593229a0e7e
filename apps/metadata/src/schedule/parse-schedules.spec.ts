import { parseSchedules } from './parse-schedules';

const faultsOf = (text: string): string[] => {
  try {
    parseSchedules(text, '/etc/schedules.yaml');
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
};

describe('the file of schedules', () => {
  it('is read with the line of each entry, and its defaults', () => {
    const entries = parseSchedules(
      '# ours\na:\n  cron: "@daily"\n  prune: {}\n\nb: {cron: 0 3 * * *, collection: {}}\n',
      'x',
    );
    expect([...entries]).toMatchObject([
      ['a', { line: 2, body: { cron: '@daily', timeZone: 'UTC', enabled: true, prune: { unused: false } } }],
      ['b', { line: 6, body: { collection: { hours: 2 } } }],
    ]);
    expect(parseSchedules('', 'x').size).toBe(0);
    const aligned = parseSchedules('a: {cron: "  0   3 * *\t* ", prune: {}}', 'x');
    expect(aligned.get('a')?.body.cron).toBe('0 3 * * *');
  });

  it('is refused with all of its faults, each by its line and its name', () => {
    const text = [
      'nightly:',
      '  cron: every night',
      '  timeZone: Europe/Berlin',
      '  prune:',
      '    unused: maybe',
      '    all: true',
      'Weekly:',
      '  cron: 0 3 * * 0',
      '  prune: {}',
      'both: {cron: 0 3 * * *, prune: {}, collection: {}}',
      'none:',
      '  cron: 0 3 * * *',
      'share:',
      '  cron: 0 3 * * *',
      '  prune: {share: 101, repository: "(a+)+$"}',
      'window: {cron: 0 3 * * *, collection: {hours: 0}}',
    ].join('\n');
    const [first, ...faults] = faultsOf(text);
    expect(first).toBe('ENTREPOT_SCHEDULES: /etc/schedules.yaml has faults:');
    expect(faults.map((fault) => fault.replace(/^( +line \d+: [^:]+): .*/, '$1').trim()).sort()).toEqual([
      'line 10: both.collection',
      'line 11: none.prune',
      'line 15: share.prune.repository',
      'line 15: share.prune.share',
      'line 16: window.collection.hours',
      'line 2: nightly.cron',
      'line 5: nightly.prune.unused',
      'line 6: nightly.prune.all',
      'line 7: Weekly',
    ]);
  });

  it.each([
    ['a:\n  cron: 0 0 30 2 *\n  prune: {}', 'line 2: a.cron: must name a time that comes'],
    ['a:\n  cron: 61 * * * *\n  prune: {}', 'line 2: a.cron: must be a cron line'],
    ['a:\n  cron: 0 3 * * *\n  timeZone: Mars/Phobos\n  prune: {}', 'line 3: a.timeZone: must be an IANA time zone'],
    ['a:\n  cron: 0 3 * * *\n  prune:\n    until: 2026-02-30\n', 'line 4: a.prune.until: must be a time that there is'],
    ['a: {cron: 0 3 * * *, prune: {}}\na: {cron: 0 3 * * *, prune: {}}', 'line 2: Map keys must be unique'],
    ['a:\n  cron: [', 'line 2: '],
    ['- a', 'line 1: the file: must be an object'],
    ['a: 1', 'line 1: a: must be an object'],
    ['a: &x {cron: *x}', ''],
    [
      'x: &x [a,a,a,a,a,a,a,a,a,a]\ny: &y [*x,*x,*x,*x,*x,*x,*x,*x,*x,*x]\nz: [*y,*y,*y,*y,*y,*y,*y,*y,*y,*y]',
      'the file: ',
    ],
  ])('%j is refused: %s', (text, fault) => {
    expect(faultsOf(text).join('\n')).toContain(`has faults:\n  ${fault}`);
  });
});
