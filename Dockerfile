FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements requirements
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY package.json package-lock.json .npmrc ./
COPY scripts scripts
RUN python scripts/vendor.py
COPY . .
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home huanjian
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
CMD ["huanjian", "--help"]
