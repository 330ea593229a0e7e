import { parseImageConfig } from '#oci/image-config';
import { joinHistory } from './join-history';

const history = (...steps: object[]) => parseImageConfig(Buffer.from(JSON.stringify({ history: steps }))).history;

describe('the history of an image', () => {
  it('has each layer at the step that made it', () => {
    const steps = history({ created_by: 'ADD' }, { created_by: 'ENV', empty_layer: true }, { created_by: 'RUN' });
    expect(joinHistory(steps, ['a', 'b']).map(({ createdBy, layer }) => [createdBy, layer])).toEqual([
      ['ADD', 'a'],
      ['ENV', null],
      ['RUN', 'b'],
    ]);
  });

  it('loses no layer that no step tells of', () => {
    expect(joinHistory([], ['a', 'b'])).toEqual([{ layer: 'a' }, { layer: 'b' }]);
    expect(joinHistory(history({ created_by: 'ADD' }), ['a', 'b']).map(({ layer }) => layer)).toEqual(['a', 'b']);
  });

  it('has steps without a layer where there are more of them', () => {
    expect(joinHistory(history({}, {}), ['a']).map(({ layer }) => layer)).toEqual(['a', null]);
  });
});
