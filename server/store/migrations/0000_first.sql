CREATE TABLE "attempts" (
	"job" uuid NOT NULL,
	"number" integer NOT NULL,
	"request" uuid NOT NULL,
	"session" text NOT NULL,
	"hotkey" text NOT NULL,
	"instance" uuid NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"given" bigint NOT NULL,
	"leased_until" bigint NOT NULL,
	"phase" text,
	"finished" bigint,
	CONSTRAINT "attempts_job_number_pk" PRIMARY KEY("job","number")
);
--> statement-breakpoint
CREATE TABLE "blob_bytes" (
	"hash" text PRIMARY KEY NOT NULL,
	"bytes" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "blobs" (
	"hash" text PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"kind" text NOT NULL,
	"created" bigint NOT NULL,
	"expires" bigint
);
--> statement-breakpoint
CREATE TABLE "circuits" (
	"digest" text PRIMARY KEY NOT NULL,
	"circuit_blob" text NOT NULL,
	"weights_blob" text NOT NULL,
	"work" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "events" (
	"request" uuid NOT NULL,
	"number" integer NOT NULL,
	"event" jsonb NOT NULL,
	CONSTRAINT "events_request_number_pk" PRIMARY KEY("request","number")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"request" uuid NOT NULL,
	"kind" text NOT NULL,
	"slice" integer NOT NULL,
	"slices" integer NOT NULL,
	"circuit" text NOT NULL,
	"inputs" "bytea" NOT NULL,
	"input_blobs" text[],
	"outputs" "bytea" NOT NULL,
	"crossing" integer,
	"state" text NOT NULL,
	"created" bigint NOT NULL,
	"deadline" bigint NOT NULL,
	"not_before" bigint NOT NULL,
	"hedge_at" bigint,
	"attempts" integer DEFAULT 0 NOT NULL,
	"tried" integer DEFAULT 0 NOT NULL,
	"started" bigint,
	"finished" bigint,
	"proven_by" integer,
	"proof" text,
	CONSTRAINT "jobs_request_slice_unique" UNIQUE("request","slice")
);
--> statement-breakpoint
CREATE TABLE "miners" (
	"hotkey" text PRIMARY KEY NOT NULL,
	"created" bigint NOT NULL,
	"accepted" integer DEFAULT 0 NOT NULL,
	"refused" integer DEFAULT 0 NOT NULL,
	"paused_until" bigint
);
--> statement-breakpoint
CREATE TABLE "models" (
	"digest" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"publisher" text,
	"circuit_blob" text NOT NULL,
	"weights_blob" text NOT NULL,
	"slices" integer[],
	"created" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "network" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"model" text NOT NULL,
	"cuts" integer[] NOT NULL,
	"state" text NOT NULL,
	"created" bigint NOT NULL,
	"deadline" bigint NOT NULL,
	"finished" bigint,
	"inputs" "bytea" NOT NULL,
	"outputs" "bytea" NOT NULL,
	"address" text NOT NULL,
	"idempotency_key" text,
	"asked" text NOT NULL,
	"error_code" text,
	"error_message" text,
	"events" integer NOT NULL,
	"bundle" text,
	CONSTRAINT "requests_idempotencyKey_unique" UNIQUE("idempotency_key")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"key" text PRIMARY KEY NOT NULL,
	"hotkey" text NOT NULL,
	"origin" text NOT NULL,
	"coordinator" text NOT NULL,
	"nonce" "bytea" NOT NULL,
	"expires" bigint NOT NULL,
	"signature" "bytea" NOT NULL,
	"agent" text NOT NULL,
	"threads" integer NOT NULL,
	"payee" text,
	"created" bigint NOT NULL,
	"seen" bigint NOT NULL,
	"connection" uuid,
	"instance" uuid
);
--> statement-breakpoint
CREATE TABLE "verdicts" (
	"job" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"hotkey" text NOT NULL,
	"circuit" text NOT NULL,
	"ok" boolean NOT NULL,
	"check" text NOT NULL,
	"detail" text NOT NULL,
	"proof_hash" text NOT NULL,
	"proof_bytes" integer NOT NULL,
	"proof_signature" "bytea" NOT NULL,
	"prove_ms" double precision NOT NULL,
	"service_ms" integer NOT NULL,
	"verify_ms" double precision NOT NULL,
	"signature" "bytea" NOT NULL,
	"created" bigint NOT NULL,
	CONSTRAINT "verdicts_job_attempt_pk" PRIMARY KEY("job","attempt")
);
--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_job_jobs_id_fk" FOREIGN KEY ("job") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_session_sessions_key_fk" FOREIGN KEY ("session") REFERENCES "public"."sessions"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_request_requests_id_fk" FOREIGN KEY ("request") REFERENCES "public"."requests"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_request_requests_id_fk" FOREIGN KEY ("request") REFERENCES "public"."requests"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_circuit_circuits_digest_fk" FOREIGN KEY ("circuit") REFERENCES "public"."circuits"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_hotkey_miners_hotkey_fk" FOREIGN KEY ("hotkey") REFERENCES "public"."miners"("hotkey") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "verdicts" ADD CONSTRAINT "verdicts_job_attempt_attempts_job_number_fk" FOREIGN KEY ("job","attempt") REFERENCES "public"."attempts"("job","number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "attempts_request_index" ON "attempts" USING btree ("request");--> statement-breakpoint
CREATE INDEX "attempts_open" ON "attempts" USING btree ("leased_until") WHERE state in ('open', 'verifying');--> statement-breakpoint
CREATE INDEX "attempts_session_index" ON "attempts" USING btree ("session");--> statement-breakpoint
CREATE INDEX "blobs_expires_index" ON "blobs" USING btree ("expires");--> statement-breakpoint
CREATE INDEX "jobs_waiting" ON "jobs" USING btree ("kind" DESC NULLS LAST,"created","slice") WHERE state in ('waiting', 'proving');--> statement-breakpoint
CREATE INDEX "requests_open" ON "requests" USING btree ("deadline") WHERE state = 'proving';--> statement-breakpoint
CREATE INDEX "requests_created_index" ON "requests" USING btree ("created");--> statement-breakpoint
CREATE INDEX "sessions_hotkey_index" ON "sessions" USING btree ("hotkey");--> statement-breakpoint
CREATE INDEX "sessions_seen_index" ON "sessions" USING btree ("seen");--> statement-breakpoint
CREATE INDEX "verdicts_hotkey_created_index" ON "verdicts" USING btree ("hotkey","created");--> statement-breakpoint
CREATE INDEX "verdicts_circuit_created_index" ON "verdicts" USING btree ("circuit","created");