// What ddv makes of pipelines that are written as users of DVC write them.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { expandStages } from '../../lib/core/expand-stages.js'
import type { JsonRecord } from '../../lib/core/json.js'
import { decodeParams } from '../../lib/core/params-file.js'
import { decodePipelineFile } from '../../lib/core/pipeline-file.js'
import type { TreePath } from '../../lib/core/tree-path.js'

const root = resolve(import.meta.dirname, '../../../fixtures/pipelines/familiar')

/** Lines of what a pipeline gives, or the one that says why it gives nothing. */
function read(name: string, file: string): string[] {
  const text = readFileSync(join(root, name, 'dvc.yaml'), 'utf8')
  try {
    const pipeline = decodePipelineFile(text, file as TreePath)
    const files = new Map<TreePath, JsonRecord>()
    for (const { path } of pipeline.requiredFiles)
      if (existsSync(join(root, name, path)))
        files.set(path, decodeParams(readFileSync(join(root, name, path), 'utf8'), path))
    const { stages, warnings, top } = expandStages(pipeline, { files })
    return [
      ...stages.map(({ name, deps, params, outs }) => {
        const keys = params.map(({ file, keys }) => `${file}:${keys?.join(',') ?? '*'}`)
        return `${name} ${deps.map(({ path }) => path).join(' ')} | ${keys.join(' ')} | ${outs.map(({ path }) => path).join(' ')}`
      }),
      ...stages.flatMap(({ action }) =>
        action.kind === 'command' ? action.commands.map(command => `$ ${command}`) : [],
      ),
      ...Object.entries(top).flatMap(([key, found]) =>
        found.length === 0 ? [] : [`${key}: ${found.map(({ path }) => path).join(' ')}`],
      ),
      ...warnings.map(({ message, position }) => `warning ${position.line}:${position.column} ${message}`),
    ]
  } catch (error) {
    if (!isDdvError(error, 'bad-config')) throw error
    return [`error ${error.message}`]
  }
}

const expected: Readonly<Record<string, readonly string[]>> = {
  checkpoints: ["error 'checkpoint' of 'model.pt' of 'outs' of stage 'train' is not supported: ddv.yaml:8:9"],
  grid: [
    'grid@cnn-feature0  |  | out/cnn-text',
    'grid@cnn-feature1  |  | out/cnn-image',
    'grid@xgb-feature0  |  | out/xgb-text',
    'grid@xgb-feature1  |  | out/xgb-image',
    'each@2019 years/year.sh |  | years/2019.csv',
    'each@2020 years/year.sh |  | years/2020.csv',
    'each@uk_leeds years/year.sh |  | years/uk/leeds.csv',
    '$ ./train.sh cnn text --columns a b',
    '$ ./train.sh cnn image --columns ',
    '$ ./train.sh xgb text --columns a b',
    '$ ./train.sh xgb image --columns ',
    '$ ./year.sh 2019',
    '$ ./year.sh 2020',
    '$ ./year.sh uk/leeds',
  ],
  nested: [
    'regions pipelines/regions/prepare.R pipelines/regions/join.R data/regions | pipelines/regions/config.yaml:years,names.short | working/regions.csv site/_data/regions.json',
    'totals pipelines/regions/totals.py working/regions.csv |  | pipelines/regions/totals.csv pipelines/regions/by_year.csv',
    '$ mkdir -p working',
    '$ Rscript pipelines/regions/prepare.R && Rscript pipelines/regions/join.R',
    '$ python totals.py ../../working/regions.csv',
    "warning 30:11 'x', 'y' of 'by_year.csv' of 'plots' of stage 'totals' not used: ddv draws no plots",
  ],
  'python-params': ["error params are read from YAML, JSON and TOML alone: 'settings.py' is none: ddv.yaml:6:9"],
  shell: ['awk rows.csv |  | column.txt', '$ awk -F, \'{print $2}\' rows.csv | sed "s/$/;/" > column.txt'],
  'shell-escaped': [
    'awk rows.csv |  | column.txt',
    "$ set -e\n# what's in ${column}\nawk -F, '{print $'2'}' \"${SOURCE:-rows.csv}\" > column.txt\nfor i in $(seq 2); do echo \"$i: it's \\\"new\\\"\" >> column.txt; done\necho 'it'\\''s \"new\"' 'it'\\''s \"new\"' >> column.txt\n",
  ],
  templated: [
    'fetch pipeline/fetch.py |  | data/raw',
    'train@small pipeline/train.py data/raw | params.yaml:models.small conf/paths.json:* | models/small scores/small.json',
    'train@large pipeline/train.py data/raw | params.yaml:models.large conf/paths.json:* | models/large scores/large.json',
    "$ python -m pipeline.fetch --from 'the lake'\\''s own' --into data/raw",
    '$ python -m pipeline.train --depth 2 --lr 0.1 --verbose --layers 8 8 --out "models/small"',
    '$ python -m pipeline.train --depth 12 --lr 0.01 --net.kind \'wide and deep\' --out "models/large"',
  ],
  walkthrough: [
    'split raw/posts.xml steps/split.py | params.yaml:split.seed,split.share | work/split',
    'vectors steps/vectors.py work/split | params.yaml:vectors.words,vectors.ngrams | work/vectors',
    'fit steps/fit.py work/vectors | params.yaml:fit.trees | forest.pkl',
    'judge forest.pkl steps/judge.py work/vectors |  | judged/live/plots judged/importance.png judged/live/metrics.json',
    '$ python steps/split.py raw/posts.xml',
    '$ python steps/vectors.py work/split work/vectors',
    '$ python steps/fit.py work/vectors forest.pkl',
    '$ python steps/judge.py',
    'params: params.yaml',
    'metrics: judged/live/metrics.json',
    'plots: judged/live/plots/roc/train.json judged/live/plots/roc/test.json judged/importance.png',
    "warning 58:5 'template', 'x' of 'ROC' of 'plots' of the file not used: ddv draws no plots",
    "warning 44:1 'artifacts' of the file not used: a stage with 'uses: register' names and versions a model",
  ],
  web: ["error dep of stage 'get' is outside the workspace ('https://data.invalid/table.parquet'): ddv.yaml:5:9"],
}
const places: Readonly<Record<string, string>> = { nested: 'pipelines/regions/ddv.yaml' }

for (const name of readdirSync(root).filter(name => !name.includes('.')))
  t.test(name, async t => t.same(read(name, places[name] ?? 'ddv.yaml'), expected[name]))
