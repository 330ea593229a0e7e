import { Entrepot, type Settings, SHORT_TIMES } from '#testing/entrepot';
import { FiveServices } from '#testing/five-services';
import { NatsWire } from '#testing/nats-wire';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import type { Warehouse } from '#testing/warehouse';
import { cleanupSuite } from './image-cache/cleanup.suite';
import { asProcess, commandSuite, inThisProcess, type RunCommand } from './image-cache/command.suite';
import { containersSuite, reportSuite } from './image-cache/containers.suite';
import { newsSuite } from './image-cache/news.suite';
import { removalSuite } from './image-cache/removal.suite';
import { scheduleSuite, writeSchedules } from './image-cache/schedule.suite';
import type { Stage } from './image-cache/stage';

/** What was removed of our own can come back, and what lost its tag be tagged again, for as long as this lasts. */
const SETTINGS = { ...SHORT_TIMES, ENTREPOT_UNDO_MS: '600000', ENTREPOT_KEEP_PULLED_MS: '600000' };

interface Shape {
  readonly shape: string;
  readonly start: (settings: Settings) => Promise<Warehouse>;
  readonly command: RunCommand;
}

const SHAPES: readonly Shape[] = [
  { shape: 'one process', start: (settings) => Entrepot.start(settings), command: asProcess },
  // Every other question goes to another gateway, and from there to another metadata.
  {
    shape: 'the services as processes, some of them twice',
    start: (settings) => FiveServices.start(settings, { twins: true }),
    command: inThisProcess,
  },
];

describe.each(SHAPES)('the image cache: $shape', ({ command, start }) => {
  let upstream: ScriptedUpstream;
  let warehouse: Warehouse;
  let wire: NatsWire;
  let folder: string;

  beforeAll(async () => {
    folder = await tempFolder('image-cache');
    const settings = { ...SETTINGS, ENTREPOT_SCHEDULES: await writeSchedules(folder) };
    [upstream, warehouse] = await Promise.all([ScriptedUpstream.start(), start(settings)]);
    wire = await NatsWire.connect(warehouse.natsUrl);
  }, 120_000);
  afterAll(async () => {
    wire?.close();
    await Promise.all([warehouse?.destroy(), upstream?.stop()]);
    await removeFolder(folder);
  }, 60_000);

  const stage: Stage = {
    get upstream() {
      return upstream;
    },
    get warehouse() {
      return warehouse;
    },
    get wire() {
      return wire;
    },
  };

  // What a schedule does within a minute, and the end of a lease, are looked at when the others are done.
  const schedule = scheduleSuite(stage);
  const report = reportSuite(stage);
  describe('a schedule', schedule.begins);
  describe('the entrepot command, as one types it', () => commandSuite(stage, command));
  describe('what an engine reports', report.begins);
  describe('containers', () => containersSuite(stage));
  describe('cleanup', () => cleanupSuite(stage));
  // What was removed for good keeps the collector awake for hours: it comes when that has been seen to rest.
  describe('removing', () => removalSuite(stage));
  describe('news', () => newsSuite(stage));
  describe('what an engine has reported', report.hasEnded);
  describe('a schedule, later', schedule.hasFired);

  it('nothing is missing in the store, and nothing left over', async () => {
    expect(await warehouse.fsck()).toEqual([]);
  });
});
