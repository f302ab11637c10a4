//! A simulated tenant on a socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::applications::InDirectory;
use super::arm::{self, Arm};
use super::control::{self, Control, OffsetClock};
use super::core::{Gate, Graph, Options};
use super::directory::Lags;
use super::front::{self, Front};
use super::identity::routes::{self, SignIn};
use super::identity::{Certificate, Identity, KeyError, Registration, Secret};
use super::layers::faults::{Faults, RuleList};
use super::layers::gate::Passage;
use super::layers::http::{Outer, outer};
use super::layers::record::Recorder;
use super::layers::socket::{CuttableListener, Wire};
use super::layers::throttle::Throttle;
use super::layers::tls::{self, TlsError};
use super::notifications;
use super::notifications::desk::Desk;
use super::seed::{DOMAIN, Plan, seeded};
use super::settings::Settings;
use crate::base::clock::{SharedClock, SystemClock};

/// How long a shutdown waits for answers under way.
const GRACE: Duration = Duration::from_secs(2);

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener has no address.
    #[error("the listener's address cannot be read")]
    Listener(#[source] std::io::Error),
    /// The faults file cannot be read.
    #[error("the faults file {0} cannot be read")]
    FaultsFile(String, #[source] std::io::Error),
    /// The faults file is no list of rules.
    #[error("the faults file {0} is not understood")]
    FaultsSyntax(String, #[source] serde_json::Error),
    /// A rule that can never work.
    #[error("the faults file {0} holds a rule that cannot work: {1}")]
    FaultsRule(String, String),
    /// The record file cannot be opened.
    #[error("the record file {0} cannot be opened")]
    Record(String, #[source] std::io::Error),
    /// A certificate cannot be registered.
    #[error("a certificate cannot be registered")]
    Certificate(#[source] KeyError),
    /// TLS cannot be spoken.
    #[error("the simulator cannot speak TLS")]
    Tls(#[source] TlsError),
    /// Change notifications cannot be sent.
    #[error("change notifications cannot be sent")]
    Notifications(#[source] reqwest::Error),
    /// The tenant could not be made.
    #[error("the seeded tenant could not be made")]
    Seed(#[source] tokio::task::JoinError),
    /// The server ended with an error.
    #[error("the simulator's server failed")]
    Serve(#[source] std::io::Error),
}

/// Where everything is: the line that `simulate` prints when it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyLine {
    /// Graph's origin, without a version: `http://127.0.0.1:9400`.
    pub graph: String,
    /// The tenant's token endpoint.
    pub token_endpoint: String,
    /// Azure Resource Manager's base.
    pub arm: String,
    /// The control endpoints' base.
    pub control: String,
    /// The tenant.
    pub tenant_id: String,
    /// The gateway's application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The file with the authority of the certificate, when TLS is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// The address to set as `HTTPS_PROXY`, so that Microsoft's own addresses lead here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

/// A simulator that answers. Dropping it ends it at once.
pub struct Running {
    /// Where everything is.
    pub ready: ReadyLine,
    /// The socket's address.
    pub addr: SocketAddr,
    /// The tenant, for tests in the same process.
    pub graph: Arc<Graph>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<std::io::Result<()>>>,
    /// Delivers change notifications.
    courier: JoinHandle<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.courier.abort();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Running {
    /// Stops taking connections and waits a moment for answers under way.
    ///
    /// # Errors
    /// [`Error::Serve`] when the server had failed before.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only when the server is.
            let _ = stop.send(());
        }
        let Some(mut task) = self.task.take() else {
            return Ok(());
        };
        match tokio::time::timeout(GRACE, &mut task).await {
            Ok(Ok(result)) => result.map_err(Error::Serve),
            Ok(Err(_)) => Ok(()),
            Err(_) => {
                task.abort();
                Ok(())
            }
        }
    }

    /// Waits until the server ends by itself, which it does only when it fails.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn wait(mut self) -> Result<(), Error> {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(result) => result.map_err(Error::Serve),
                Err(_) => Ok(()),
            },
            None => Ok(()),
        }
    }
}

/// Makes the tenant and serves it on `listener`: Graph at `/v1.0` and `/beta`, Azure
/// Resource Manager's role API at `/arm`, sign-in, managed identity, control at `/_sim`.
///
/// # Errors
/// An [`Error`] naming the file or the setting.
pub async fn start(settings: Settings, listener: TcpListener) -> Result<Running, Error> {
    let addr = listener.local_addr().map_err(Error::Listener)?;
    let clock = Arc::new(OffsetClock::new(Arc::new(SystemClock)));
    let shared: SharedClock = clock.clone();
    let plan = Arc::new(Plan::new(settings.users, settings.groups, settings.seed));
    let identity = Arc::new(Identity::new(
        plan.tenant_id().to_string(),
        DOMAIN,
        time::Duration::try_from(settings.token_lifetime).unwrap_or(time::Duration::HOUR),
        Arc::clone(&shared),
    ));
    let registration = gateway(&plan, &settings).map_err(Error::Certificate)?;
    identity.register(registration.clone());
    let passage = Arc::new(Passage::new(
        faults(&settings).await?,
        Throttle::new(settings.throttle),
        plan.tenant_id().to_string(),
        Arc::clone(&shared),
    ));
    let recorder = match &settings.record {
        Some(path) => {
            Some(Recorder::open(path).map_err(|e| Error::Record(path.display().to_string(), e))?)
        }
        None => None,
    };
    let lag = time::Duration::try_from(settings.replication_lag).unwrap_or(time::Duration::MAX);
    let lags = Lags::all(lag, settings.seed);
    let mut directory = {
        let (plan, clock) = (Arc::clone(&plan), Arc::clone(&shared));
        tokio::task::spawn_blocking(move || seeded(&plan, clock))
            .await
            .map_err(Error::Seed)?
    };
    directory.set_lags(lags);
    let gate: Arc<dyn Gate> = passage.clone();
    let graph = Arc::new(Graph::new(directory, gate, Options::default()));
    passage.attach(&graph);
    identity.attach(Arc::new(InDirectory::of(&graph)));
    let desk = Arc::new(Desk::default());
    let courier = notifications::start(&graph, Arc::clone(&desk)).map_err(Error::Notifications)?;

    let arm = Arm::new(Arc::clone(&graph), Arc::clone(&identity));
    let router = Router::new()
        .merge(front::router(Front {
            graph: Arc::clone(&graph),
            identity: Arc::clone(&identity),
            passage: Arc::clone(&passage),
        }))
        .merge(routes::router(SignIn {
            identity: Arc::clone(&identity),
            identity_header: settings.identity_header.as_str().into(),
        }))
        .nest(
            "/_sim",
            control::router(Control {
                graph: Arc::clone(&graph),
                identity,
                passage: Arc::clone(&passage),
                clock,
                plan: Arc::clone(&plan),
                lags,
                desk,
                churn: Arc::default(),
                registration: Arc::new(registration),
                arm: arm.clone(),
                throttle: settings.throttle,
                token_lifetime: settings.token_lifetime,
            }),
        )
        .merge(arm::router(arm.clone()))
        .fallback_service(arm::at_root(arm))
        .layer(axum::middleware::from_fn_with_state(
            Arc::new(Outer {
                passage,
                latency: settings.latency,
                recorder,
                clock: shared,
            }),
            outer,
        ));
    let tls = match &settings.tls_authority {
        Some(file) => Some(tls::acceptor(file).map_err(Error::Tls)?),
        None => None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        axum::serve(
            CuttableListener::new(listener, tls),
            router.into_make_service_with_connect_info::<Wire>(),
        )
        .with_graceful_shutdown(async move {
            // A dropped sender means the same as a message.
            let _ = stopped.await;
        })
        .await
    });
    Ok(Running {
        ready: ready_line(&plan, addr, settings.tls_authority.as_deref()),
        addr,
        graph,
        stop: Some(stop),
        task: Some(task),
        courier,
    })
}

/// The gateway's application, as it may sign in from the start.
fn gateway(plan: &Plan, settings: &Settings) -> Result<Registration, KeyError> {
    let app = plan.app();
    let mut certificates = Vec::new();
    for pem in &settings.certificates {
        certificates.push(Certificate::from_pem(pem)?);
    }
    Ok(Registration {
        app_id: app.app_id.to_string(),
        name: app.display_name,
        service_principal: app.service_principal_id.to_string(),
        permissions: app.permissions,
        secrets: vec![Secret::new(&plan.client_secret(), None)],
        certificates,
        managed: true,
        ..Registration::default()
    })
}

async fn faults(settings: &Settings) -> Result<Faults, Error> {
    let mut faults = Faults::new(settings.seed);
    if let Some(path) = &settings.faults {
        let name = path.display().to_string();
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|e| Error::FaultsFile(name.clone(), e))?;
        let list: RuleList =
            serde_json::from_str(&text).map_err(|e| Error::FaultsSyntax(name.clone(), e))?;
        faults
            .add(list)
            .map_err(|rule| Error::FaultsRule(name, rule))?;
    }
    Ok(faults)
}

fn ready_line(plan: &Plan, addr: SocketAddr, authority: Option<&Path>) -> ReadyLine {
    let scheme = if authority.is_some() { "https" } else { "http" };
    // A wildcard address is where to listen, not where to call.
    let host = if addr.ip().is_unspecified() {
        format!("127.0.0.1:{}", addr.port())
    } else {
        addr.to_string()
    };
    let tenant_id = plan.tenant_id().to_string();
    ReadyLine {
        graph: format!("{scheme}://{host}"),
        token_endpoint: format!("{scheme}://{host}/{tenant_id}/oauth2/v2.0/token"),
        arm: format!("{scheme}://{host}/arm"),
        control: format!("http://{host}/_sim"),
        tenant_id,
        client_id: plan.app().app_id.to_string(),
        client_secret: plan.client_secret(),
        certificate_authority: authority.map(|path| path.display().to_string()),
        proxy: authority.map(|_| format!("http://{host}")),
    }
}
