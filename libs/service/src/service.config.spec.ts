import { ServiceConfigSchema } from './service.config';

const settings = ServiceConfigSchema.parse({ ENTREPOT_SECRET: 'a'.repeat(43) });
const urls = Object.entries(settings).filter(([name]) => /^ENTREPOT_\w+_URL$/.test(name));

test('no service listens on a port that browsers and fetch() ask nothing of, unless it is told to', async () => {
  const refused = async (url: string) => {
    const error = await fetch(url).then(
      () => null,
      ({ cause }: Error) => (cause as Error).message,
    );
    return error === 'bad port';
  };
  expect(await refused('http://127.0.0.1:5061')).toBe(true);
  expect(urls).toHaveLength(4);
  for (const [name, url] of urls)
    expect({ name, refused: await refused(String(url)) }).toEqual({ name, refused: false });
});
