# localshop in a container, see docs/how-to/containers.md. scripts/container runs these steps without Docker.

FROM python:3.13-slim AS build
# Which of localshop's extras are installed, and through which index ("" is pip's own).
ARG EXTRAS=all
ARG PIP_INDEX_URL=
WORKDIR /src
COPY . /src
RUN python -m pip wheel --quiet --no-cache-dir --no-deps --wheel-dir /wheels /src
RUN python -m venv /opt/localshop
# pip compiles what it installs: nothing is written there later, when it cannot be.
RUN /opt/localshop/bin/python -m pip install --quiet --no-cache-dir "$(echo /wheels/localshop-*.whl)[$EXTRAS]"
# The container is not where packages are installed.
RUN /opt/localshop/bin/python -m pip uninstall --quiet --yes pip

FROM python:3.13-slim
# Celery warns of a group without a name.
RUN echo 'localshop:x:10001:10001::/var/lib/localshop:/usr/sbin/nologin' >> /etc/passwd
RUN echo 'localshop:x:10001:' >> /etc/group
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/localshop
COPY --from=build /opt/localshop /opt/localshop
ENV PATH=/opt/localshop/bin:/usr/local/bin:/usr/bin:/bin
ENV HOME=/var/lib/localshop
ENV LOCALSHOP_HOME=/var/lib/localshop
ENV LOCALSHOP_BIND=0.0.0.0:8000
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
# A number: Kubernetes can tell that it is not root.
USER 10001:10001
VOLUME /var/lib/localshop
EXPOSE 8000
# Of the process alone: a database that is away is no reason to start it again. And past any HTTP_PROXY.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, sys, http.client; asked = http.client.HTTPConnection('127.0.0.1:8000', timeout=4); asked.request('GET', os.environ.get('LOCALSHOP_MOUNT_PATH', '') + '/-/alive'); sys.exit(asked.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
CMD ["localshop", "serve"]
