#!/bin/sh
# The steps of `make tour`: sh notebooks/tour.sh DIRECTORY [--stop]
# Everything that is kept lies in DIRECTORY: logins, kernels, settings of Docker and the keyring stay as they are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
POLLY_MAGIC_HOME=$(cd "$1" && pwd)
export POLLY_MAGIC_HOME
export DOCKER_CONFIG="$POLLY_MAGIC_HOME/docker" IPYTHONDIR="$POLLY_MAGIC_HOME/ipython"
export JUPYTER_DATA_DIR="$POLLY_MAGIC_HOME/jupyter"
export PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring
unset POLLY_SERVICE POLLY_API_KEY POLLY_REFRESH_TOKEN

# Logging out of a service of this machine stops it.
if [ "${2:-}" = --stop ]; then
    exec polly-dockers logout
fi
trap 'polly-dockers logout' EXIT
trap 'exit 130' INT TERM HUP

polly-dockers login --local --organization elucidata --email anna@elucidata.io
python -m polly_magic.sample
echo
polly-dockers list --all
echo
polly-dockers commit-list --name 16june --all
echo

if [ "${BROWSER:-}" = none ]; then
    jupyter nbconvert --log-level WARN --to notebook --execute "$here/tour.ipynb" --output-dir "$POLLY_MAGIC_HOME"
    echo "The notebook ran to its end; see $POLLY_MAGIC_HOME/tour.ipynb"
else
    echo "JupyterLab opens the tour; pinning.ipynb beside it needs a Docker engine."
    echo "Ctrl-C ends it, and the service with it."
    root=
    if [ "$(id -u)" = 0 ]; then root=--allow-root; fi
    jupyter lab $root --ServerApp.root_dir="$here" --LabApp.default_url=/lab/tree/tour.ipynb
fi
