#!/bin/sh
# Writes a page in Markdown with a picture of this host's tunnels, in Mermaid, as GitHub, GitLab and
# many wikis show it: `graph.sh /srv/docs/tunnels.md`. Of many hosts, run it on each (by cron, or at
# the end of a deployment) and collect the pages.
#
# The page is replaced at once, and not at all if the picture cannot be drawn.
set -eu

page=$1
picture=$(vxlanctl graph --verbose --format mermaid)

cat >"$page.new" <<end
# Tunnels of $(uname -n)

\`\`\`mermaid
$picture
\`\`\`
end
mv "$page.new" "$page"
