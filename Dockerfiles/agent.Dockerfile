# The probe's image: one static program, for every platform it is built for.
#   docker buildx build --platform linux/amd64 -f Dockerfiles/agent.Dockerfile target/image
# The build context holds one program per platform, as scripts/build.sh lays it out.
FROM scratch
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/edgeproof-agent /edgeproof-agent
ENTRYPOINT ["/edgeproof-agent"]
