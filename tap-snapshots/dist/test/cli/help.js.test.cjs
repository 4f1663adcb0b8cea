/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`dist/test/cli/help.js > TAP > of one command, in full > add 1`] = `
usage: ddv add <targets..> [flags]

put data under ddv, or bring it up to date

Arguments
  targets  files, directories or globs

Flags
      --meta KEY=VALUE  to keep in the pointer; VALUE may be JSON
      --follow          take links that stay inside for what they lead to
      --force           read everything again

Example
  ddv add data/raw/movies.csv
      writes data/raw/movies.csv.ddv and stages it in git

Exit codes
    0  done
    1  the answer is no, or it could not be done
    2  wrong usage
    3  a file of ddv cannot be read
   10  no ddv workspace here
   11  another ddv is at work here
   15  refused: it would lose data, or this is production
   70  a bug of ddv
  130  interrupted

everywhere: --cd, --json, -q, -v, --no-progress, --jobs, --color: 'ddv --help'
says what they do

`

exports[`dist/test/cli/help.js > TAP > of one command, in full > push, on a narrow terminal 1`] = `
usage: ddv push [targets..] [flags]

send data that the remote lacks

Arguments
  targets
      all outputs unless told

Flags
  -r, --remote NAME
      the default one unless told
      --rev REV
      what this commit names, and not
      the workspace; may be given again

Example
  ddv push
      sends what the pointers of the
      workspace name

Exit codes
    0
      done
    1
      the answer is no, or it could not
      be done
    2
      wrong usage
    3
      a file of ddv cannot be read
   10
      no ddv workspace here
   11
      another ddv is at work here
   12
      a blob, recipe or pack is missing
   13
      something is corrupt
   14
      the remote: unreachable, refused,
      not authorised
   15
      refused: it would lose data, or
      this is production
   70
      a bug of ddv
  130
      interrupted

everywhere: --cd, --json, -q, -v,
--no-progress, --jobs, --color: 'ddv
--help' says what they do

`

exports[`dist/test/cli/help.js > TAP > of one command, in full > remote 1`] = `
usage: ddv remote <command> [flags]

where data is pushed to and pulled from

Commands
  add <name> <url>  name a place to push to and pull from
  list              print the remotes; * is the default
  modify <name>     change settings of a remote
  remove <name>     forget a remote; what is on it stays

everywhere: --cd, --json, -q, -v, --no-progress, --jobs, --color: 'ddv --help'
says what they do

`

exports[`dist/test/cli/help.js > TAP > of one command, in full > remote add 1`] = `
usage: ddv remote add <name> <url> [flags]

name a place to push to and pull from

Arguments
  name  letters, digits, - and _
  url   a path, file:/path or s3://bucket/prefix

Flags
      --endpoint URL  an S3 store that is not AWS: https://host
      --region NAME   of the bucket
      --profile NAME  of your AWS configuration
      --path-style    endpoint/bucket/key, not bucket.endpoint/key
      --allow-http    plain http: beyond this machine (needs --local or --user)
      --default       make it the default remote
      --local         for this clone alone (.ddv/config.local.yaml)
      --user          for you, in all workspaces (~/.config/ddv/config.yaml)

Example
  ddv remote add origin s3://bucket/data --default
      pushes there from now on

Exit codes
    0  done
    2  wrong usage
    3  a file of ddv cannot be read
   10  no ddv workspace here
   11  another ddv is at work here
   15  refused: it would lose data, or this is production
   70  a bug of ddv
  130  interrupted

everywhere: --cd, --json, -q, -v, --no-progress, --jobs, --color: 'ddv --help'
says what they do

`
