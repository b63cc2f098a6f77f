"""What the operator is told once the mesh runs."""

from gemba_local.log_lines import LineFormat
from gemba_local.plan import Plan
from gemba_local.settings import RunnerSettings


def welcome(plan: Plan, settings: RunnerSettings, *, style: LineFormat) -> str:
    """Addresses, the admin's name and, the first time only, the first password."""
    address = f"http://localhost:{settings.gateway_port}"
    kept = plan.secrets.admin_password_file
    if plan.folder.welcomed.exists():
        password = f"kept in {kept} (the first one)"
    elif settings.admin_password:
        password = "the one in GEMBA_ADMIN_PASSWORD"
    else:
        password = f"{plan.secrets.admin_password}   (shown once; kept in {kept})"
    rows = {"Dashboard": f"{address}/", "API docs": f"{address}/docs"}
    rows |= {"User": "admin", "Password": password, "Data": str(plan.folder.root)}
    lines = [f"  {label:<10} {style.emphasise(text)}" for label, text in rows.items()]
    return "\n".join(["", "Gemba runs. Ctrl-C stops it.", "", *lines, ""])
