// Every way in which a clone with hooks might push a commit whose data is missing, or is in git: afterwards each commit
// of the git remote is whole. `leaves` says that the push has to go through, `stays` that it must not.

import { join } from 'node:path'
import t from 'tap'
import { copyHooked, findBroken, makeHooked, memory, refsOf, shell } from '../support/hooked.js'
import { temporaryDirectory } from '../support/workspace.js'

/** A second version of x, as a person makes one. */
const two = 'echo two > x; ddv add -q x;'
const commit = 'git commit -q -m c;'
const push = 'git push -q origin HEAD;'
const forceData = 'git add -f x;'

const submodule = 'git clone -q --bare ../origin.git ../sub.git'

const ways: readonly (readonly [name: string, outcome: 'leaves' | 'stays', script: string, prepare?: string])[] = [
  ['a new version', 'leaves', `${two} ${commit} ${push}`],
  ['commit -a, edited after add', 'stays', `${two} echo three > x; git commit -q -a -m c; ${push}`],
  ['commit of another path', 'leaves', `${two} echo 2 > c.js; git commit -q -m c c.js; ${push}`],
  [
    'commit of the pointer by its path',
    'leaves',
    `echo 2 > c.js; git add c.js; ${two} git commit -q -m c x.ddv; ${push}`,
  ],
  ['commit of data by its path', 'stays', `${forceData} git commit -q -m c x; ${push}`],
  ['commit --amend', 'leaves', `${two} git commit -q --amend --no-edit; git push -q -f origin HEAD`],
  ['commit --amend with data', 'stays', `${forceData} git commit -q --amend --no-edit; git push -q -f origin HEAD`],
  [
    'merge',
    'leaves',
    `git checkout -q -b b; echo n > dir/n; ddv add -q dir; ${commit} git checkout -q main; echo 2 > c.js; git commit -q -a -m m; git merge -q --no-edit b; ${push}`,
  ],
  [
    'merge of what is pushed already',
    'leaves',
    `rm -rf .cache; echo 2 > c.js; git commit -q -a -m m; git merge -q --no-edit origin/other; ${push}`,
  ],
  ['squash merge', 'leaves', `git merge -q --squash other; ${commit} ${push}`],
  ['cherry-pick', 'leaves', `git cherry-pick other; ${push}`],
  [
    'cherry-pick of data',
    'stays',
    `git checkout -q -b b; ${forceData} git commit -q -n -m c; git checkout -q main; git cherry-pick b; ${push}`,
  ],
  ['revert', 'leaves', `${two} ${commit} git revert --no-edit HEAD; ${push}`],
  ['rebase', 'leaves', `git checkout -q -b b; echo n > dir/n; ddv add -q dir; ${commit} git rebase -q other; ${push}`],
  ['am', 'leaves', `git format-patch -q -1 other --stdout > ../patch; git am -q ../patch; ${push}`],
  [
    'plumbing',
    'stays',
    `b=$(git hash-object -w x); git update-index --add --cacheinfo 100644,$b,x; c=$(git commit-tree -p HEAD -m p $(git write-tree)); git push -q origin $c:refs/heads/p`,
  ],
  ['--no-verify with data', 'stays', `${forceData} git commit -q -n -m c; ${push}`],
  ['--no-verify without the blob', 'stays', `${two} rm -rf .cache; git commit -q -n -m c; ${push}`],
  [
    'filter-branch',
    'stays',
    `b=$(git hash-object -w x); FILTER_BRANCH_SQUELCH_WARNING=1 git filter-branch -f --index-filter "git update-index --add --cacheinfo 100644,$b,dir/a" HEAD; git push -q -f origin HEAD`,
  ],
  [
    'reset',
    'leaves',
    `${forceData} git commit -q -n -m c; git reset -q --soft HEAD~1; git reset -q x; git commit -q --allow-empty -m d; ${push}`,
  ],
  ['stash and pop', 'leaves', `${two} git stash -q; git stash pop -q; git commit -q -a -m c; ${push}`],
  ['force push with data', 'stays', `${forceData} git commit -q -n --amend --no-edit; git push -q -f origin HEAD`],
  ['new branch', 'leaves', `git checkout -q -b n; ${two} ${commit} git push -q -u origin n`],
  ['tag', 'leaves', `${two} ${commit} git tag t; git push -q origin t`],
  [
    'annotated tag of a commit with data',
    'stays',
    `${forceData} git commit -q -n -m c; git tag -a t -m t; git push -q origin t`,
  ],
  ['tag of a tree with data', 'stays', `${forceData} git tag t $(git write-tree); git push -q origin t`],
  [
    'an older commit to a new branch',
    'leaves',
    `for i in 1 2 3; do echo $i > x; ddv add -q x; ${commit} done; git push -q origin HEAD~2:refs/heads/x`,
  ],
  ['every version on the way', 'leaves', `for i in 1 2 3; do echo $i > x; ddv add -q x; ${commit} done; ${push}`],
  [
    'data that a later commit takes out',
    'stays',
    `${forceData} git commit -q -n -m c; git rm -q --cached x; git commit -q -m d; ${push}`,
  ],
  [
    'push --all, one branch with data',
    'stays',
    `${two} ${commit} git checkout -q -b b; ${forceData} git commit -q -n -m c; git push -q --all origin`,
  ],
  [
    'push --all',
    'leaves',
    `${two} ${commit} git checkout -q -b b; echo 3 > x; ddv add -q x; ${commit} git push -q --all origin`,
  ],
  ['push --mirror', 'leaves', `${two} ${commit} git push -q --mirror origin`],
  [
    'a stash without its blob',
    'stays',
    `${two} git stash -q; rm -rf .cache; git push -q origin refs/stash:refs/heads/s`,
  ],
  ['worktree', 'leaves', `git worktree add -q ../wt -b wt; cd ../wt; ${two} ${commit} ${push}`],
  [
    'worktree with data',
    'stays',
    `git worktree add -q ../wt -b wt; cd ../wt; ${forceData} ${commit} git commit -q -n -m c; ${push}`,
  ],
  [
    'a worktree without the workspace',
    'leaves',
    `${two} ${commit} git worktree add -q --detach ../wt $(git commit-tree -m e $(git hash-object -t tree /dev/null)); cd ../wt; git push -q origin main`,
  ],
  [
    'submodule',
    'leaves',
    `git -c protocol.file.allow=always submodule -q add ../sub.git sub; cd sub; ddv remote modify -q data --url ../../data --local; ddv hooks install -q; ${two} ${commit} ${push}`,
    submodule,
  ],
  [
    'submodule with data',
    'stays',
    `git -c protocol.file.allow=always submodule -q add ../sub.git sub; cd sub; ddv remote modify -q data --url ../../data --local; ddv hooks install -q; ddv pull -q; ${forceData} git commit -q -n -m c; ${push}`,
    submodule,
  ],
  [
    'subtree',
    'leaves',
    `git read-tree --prefix=imported/ other; git rm -r -q --cached imported/.ddv; ${commit} ${push}`,
  ],
  ['add -f', 'stays', `${forceData} ${commit} ${push}`],
  ['add -f of one file of a directory', 'stays', `git add -f dir/a; ${commit} ${push}`],
  ['pointer edited by hand', 'stays', `sed -i 's/"size": 4/"size": 5/' x.ddv; git commit -q -a -m c; ${push}`],
  [
    'pointer edited by hand, --no-verify',
    'stays',
    `sed -i 's/"size": 4/"size": 5/' x.ddv; git commit -q -n -a -m c; ${push}`,
  ],
  ['pointer renamed by git mv', 'stays', `git mv x.ddv y.ddv; ${commit} git commit -q -n -m c; ${push}`],
  ['pointer moved to another directory', 'leaves', `mkdir sub; git mv x.ddv sub/x.ddv; ${commit} ${push}`],
  ['pointer copied', 'leaves', `mkdir sub; cp x.ddv sub; git add sub; ${commit} ${push}`],
  [
    'pointer beside tracked content',
    'stays',
    `echo t > t; git add t; ${commit} sed 's/"x"/"t"/' x.ddv > t.ddv; git add t.ddv; git commit -q -m d; git commit -q -n -m d; ${push}`,
  ],
  ['cache deleted after the commit', 'stays', `${two} ${commit} rm -rf .cache; ${push}`],
  [
    'blob corrupted after the commit',
    'stays',
    `${two} ${commit} b=$(grep -rl two .cache); chmod u+w $b; echo owt > $b; ${push}`,
  ],
  ['a part of a directory changed', 'stays', `echo n > dir/n; ddv add -q dir; echo z > dir/a; ${commit} ${push}`],
  [
    '.gitignore line removed',
    'stays',
    `sed -i '/x/d' .gitignore; git add -A; ${commit} git commit -q -n -m c; ${push}`,
  ],
  [
    'a link called like a pointer',
    'stays',
    `ln -s x.ddv l.ddv; git add l.ddv; ${commit} git commit -q -n -m c; ${push}`,
  ],
  ['a link in the place of data', 'stays', `rm x; ln -s c.js x; ${forceData} ${commit} git commit -q -n -m c; ${push}`],
  [
    'merge markers',
    'stays',
    `{ echo '<<<<<<< a'; cat x.ddv; } > y; cp y x.ddv; git commit -q -a -m c; git commit -q -n -a -m c; ${push}`,
  ],
  [
    'conflict, their side',
    'leaves',
    `git checkout -q -b b; echo 5 > x; ddv add -q x; ${commit} git checkout -q main; ${two} ${commit} git merge -q --no-edit b; git checkout -q --theirs x.ddv; git add x.ddv; git commit -q --no-edit; ${push}`,
  ],
  [
    'core.hooksPath',
    'stays',
    `git config core.hooksPath .githooks; ddv hooks install -q; ${forceData} ${commit} git commit -q -n -m c; ${push}`,
  ],
  ['from a subdirectory', 'stays', `mkdir s; cd s; git add -f ../x; ${commit} git commit -q -n -m c; ${push}`],
  [
    'git -C',
    'stays',
    `w=$PWD; cd /; git -C "$w" add -f x; git -C "$w" commit -q -m c; git -C "$w" commit -q -n -m c; git -C "$w" push -q origin HEAD`,
  ],
  [
    'GIT_DIR and GIT_WORK_TREE',
    'stays',
    `mv .git ../elsewhere; export GIT_DIR=$PWD/../elsewhere GIT_WORK_TREE=$PWD; ${forceData} ${commit} git commit -q -n -m c; git remote set-url origin "$PWD/../origin.git"; ${push}`,
  ],
  [
    'GIT_DIR, a new version',
    'leaves',
    `${two} mv .git ../elsewhere; export GIT_DIR=$PWD/../elsewhere GIT_WORK_TREE=$PWD; ${commit} git remote set-url origin "$PWD/../origin.git"; ${push}`,
  ],
  ['detached HEAD', 'leaves', `git checkout -q --detach; ${two} ${commit} git push -q origin HEAD:refs/heads/d`],
  [
    'octopus merge',
    'leaves',
    `for b in 1 2; do git checkout -q -b b$b main; echo $b > dir/$b; mkdir d$b; echo $b > d$b/y; ddv add -q d$b/y; git add d$b; ${commit} done; git checkout -q main; git merge -q --no-edit b1 b2; ${push}`,
  ],
  [
    'orphan branch with data',
    'stays',
    `git checkout -q --orphan o; ${forceData} ${commit} git commit -q -n -m c; ${push}`,
  ],
  ['orphan branch', 'leaves', `git checkout -q --orphan o; ${commit} ${push}`],
  [
    'half of a pointer staged',
    'stays',
    `echo n > dir/n; echo z > dir/a; ddv add -q dir; git show HEAD:dir.ddv > old; sed 's/"a",.*/"a","'$(printf '%064d' 0)'",2],/' old > new; b=$(git hash-object -w new); git update-index --cacheinfo 100644,$b,dir.ddv; ${commit} git commit -q -n -m c; ${push}`,
  ],
  [
    'an older pointer staged than the data',
    'leaves',
    `${two} git commit -q -m c; echo 3 > x; ddv add -q x; git reset -q HEAD~1; git add x.ddv; ${commit} ${push}`,
  ],
  [
    'a merge of data and pointer',
    'stays',
    `git checkout -q -b early main~1; echo raw > x; git add x; ${commit} git checkout -q main; git merge -q --no-edit early; git merge -q --no-verify --no-edit early; ${push}`,
  ],
  [
    'to another git remote by its URL',
    'leaves',
    `git init -q --bare -b main ../second.git; git push -q ../second.git main other`,
  ],
  ['deletion', 'leaves', `git push -q origin :other`],
  ['production', 'stays', `${two} ${commit} export DDV_ENV=production; ${push}`],
  ['no ddv remote', 'stays', `ddv remote remove -q data; git commit -q -a -m r; ${two} ${commit} ${push}`],
  [
    'a large file',
    'stays',
    `ddv config set -q git.maxFileSize 1kB; head -c 2000 /dev/zero > big; git add big; ${commit} git commit -q -n -m c; ${push}`,
  ],
  ['an output of a stage', 'leaves', `echo s > s; stage s; ${commit} echo t > s; stage s; ${commit} ${push}`],
  [
    'an output of a stage without its blob',
    'stays',
    `echo s > s; stage s; rm -rf .cache; git commit -q -n -m c; ${push}`,
  ],
  ['a lock of a stage that is not pushed', 'leaves', `echo s > s; NO_PUSH=1 stage s; ${commit} rm -rf .cache; ${push}`],
  [
    'an output of a stage as content',
    'stays',
    `mkdir o; echo s > o/s; stage o; ${commit} git add -f o; ${commit} git commit -q -n -m c; ${push}`,
  ],
  [
    'content that becomes the output of a stage',
    'stays',
    `echo s > s; git add s; ${commit} echo t > t; stage t; sed -i 's/"t": {/"s": {/' ddv.lock; git add ddv.lock; ${commit} git commit -q -n -m d; ${push}`,
  ],
  ['a lock that is none', 'stays', `echo '{' > ddv.lock; git add ddv.lock; ${commit} git commit -q -n -m c; ${push}`],
  [
    'a merge of two locks',
    'leaves',
    `echo s > s; stage s; ${commit} git checkout -q -b b; echo t > t; stage t two; ${commit} git checkout -q main; echo u > u; stage u three; ${commit} git merge -q --no-edit b; ${push}`,
  ],
  ['a pointer that became the output of a stage', 'leaves', `${two} ${commit} stage x; ${commit} ${push}`],
  [
    'a pointer beside the output of a stage',
    'stays',
    `cp x.ddv y; stage x; cp y x.ddv; git add x.ddv ddv.lock; ${commit} ${push}`,
  ],
  [
    'a large file that is excepted',
    'leaves',
    `ddv config set -q git.maxFileSize 1kB; ddv config set -q git.largeFileExceptions '*.bin'; head -c 2000 /dev/zero > big.bin; git add big.bin; ${commit} ${push}`,
  ],
]

t.test('no commit leaves without its data, or with it', async t => {
  t.jobs = 2
  const all = temporaryDirectory(t, memory)
  const template = join(all, 'template')
  await makeHooked(template)
  t.same(await findBroken(template), [], 'the template is whole')
  for (const [i, [name, outcome, script, prepare]] of ways.entries())
    t.test(name, { buffered: true }, async t => {
      const directory = join(all, String(i))
      copyHooked(template, directory)
      if (prepare !== undefined) await shell(directory, prepare)
      const before = refsOf(directory)
      const { output } = await shell(directory, script)
      const changed = refsOf(directory) !== before
      t.equal(changed ? 'leaves' : 'stays', outcome, output)
      t.notMatch(output, /this is a bug/)
      t.same(await findBroken(directory), [], output)
    })
})

t.test('the oracle finds what no hook stopped', async t => {
  const all = temporaryDirectory(t, memory)
  const template = join(all, 'template')
  await makeHooked(template)
  const harmful = ['--no-verify with data', '--no-verify without the blob', 'tag of a tree with data', 'merge markers']
  for (const [name, , script] of ways.filter(([name]) => harmful.includes(name))) {
    const directory = join(all, name.replaceAll(' ', '-'))
    copyHooked(template, directory)
    await shell(directory, `git config core.hooksPath /dev/null; ${script}`)
    t.not((await findBroken(directory)).length, 0, name)
  }
})
